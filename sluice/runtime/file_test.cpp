// SPDX-License-Identifier: MIT
#include <sluice/runtime/file.hpp>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>
#include <sluice/base/scratch_folder_test.hpp>
#include <sluice/runtime/fiber_test.hpp>

namespace sluice {
namespace {

// A folder of its own for each test.
class FileTest : public ::testing::Test {
 protected:
  // First: it goes when nothing is open in it any more.
  sluice::ScratchFolder scratch_;
  const std::filesystem::path& folder_ = scratch_.path();

  [[nodiscard]] std::filesystem::path path(const char* name = "file") const { return folder_ / name; }

  static std::string read_all(Context& ctx, File& file) {
    std::string text(1024, '?');
    auto got = file.read_at(ctx, 0, std::as_writable_bytes(std::span(text)));
    EXPECT_TRUE(got);
    text.resize(*got);
    return text;
  }

};

TEST_F(FileTest, KeepsWhatIsAppended) {
  in_virtual_time([this](Context& ctx) {
    {
      auto file = *File::open(ctx, path(), File::Mode::kAppend);
      EXPECT_TRUE(file->append(ctx, as_bytes("one ")));
      EXPECT_TRUE(file->append(ctx, {}));
      EXPECT_TRUE(file->append(ctx, as_bytes("two")));
      EXPECT_TRUE(file->sync(ctx));
      EXPECT_EQ(*file->size(ctx), 7U);
    }
    auto again = *File::open(ctx, path(), File::Mode::kAppend);
    EXPECT_TRUE(again->append(ctx, as_bytes("!")));
    auto reader = *File::open(ctx, path(), File::Mode::kRead);
    EXPECT_EQ(read_all(ctx, *reader), "one two!");
    EXPECT_TRUE(File::sync_folder(ctx, folder_));
  });
}

TEST_F(FileTest, ReadsLessOnlyAtTheEnd) {
  in_virtual_time([this](Context& ctx) {
    auto file = *File::open(ctx, path(), File::Mode::kCreate);
    EXPECT_TRUE(file->write_at(ctx, 0, as_bytes("0123456789")));
    std::array<std::byte, 4> room{};
    EXPECT_EQ(*file->read_at(ctx, 5, room), 4U);
    EXPECT_EQ(as_text(room), "5678");
    EXPECT_EQ(*file->read_at(ctx, 8, room), 2U);
    EXPECT_EQ(*file->read_at(ctx, 10, room), 0U);
    EXPECT_EQ(*file->read_at(ctx, 11, room), 0U);
    EXPECT_EQ(*file->read_at(ctx, 0, {}), 0U);
  });
}

TEST_F(FileTest, WritesAnywhereAndFillsTheGapWithZeros) {
  in_virtual_time([this](Context& ctx) {
    auto file = *File::open(ctx, path(), File::Mode::kUpdate);
    EXPECT_TRUE(file->write_at(ctx, 4, as_bytes("b")));
    EXPECT_TRUE(file->write_at(ctx, 0, as_bytes("a")));
    EXPECT_EQ(read_all(ctx, *file), std::string("a\0\0\0b", 5));
  });
}

TEST_F(FileTest, ReservesAndCutsOff) {
  in_virtual_time([this](Context& ctx) {
    auto file = *File::open(ctx, path(), File::Mode::kUpdate);
    EXPECT_TRUE(file->write_at(ctx, 0, as_bytes("abc")));
    EXPECT_TRUE(file->preallocate(ctx, 100'000));
    EXPECT_EQ(*file->size(ctx), 100'000U);
    EXPECT_TRUE(file->truncate(ctx, 2));
    EXPECT_EQ(read_all(ctx, *file), "ab");
  });
}

TEST_F(FileTest, OpensAsItsModeSays) {
  in_virtual_time([this](Context& ctx) {
    EXPECT_EQ(File::open(ctx, path(), File::Mode::kRead).error().code(), Code::kNotFound);
    EXPECT_TRUE(File::open(ctx, path(), File::Mode::kCreate));
    EXPECT_EQ(File::open(ctx, path(), File::Mode::kCreate).error().code(), Code::kAlreadyExists);
    EXPECT_TRUE(File::open(ctx, path(), File::Mode::kUpdate));

    auto reader = *File::open(ctx, path(), File::Mode::kRead);
    EXPECT_FALSE(reader->append(ctx, as_bytes("x")));
    EXPECT_FALSE(reader->write_at(ctx, 0, as_bytes("x")));
    EXPECT_FALSE(File::sync_folder(ctx, path("missing")));
  });
}

TEST_F(FileTest, IsNobodyElsesBusiness) {
  in_virtual_time([this](Context& ctx) {
    ASSERT_TRUE(File::open(ctx, path(), File::Mode::kCreate));
    struct stat status {};
    ASSERT_EQ(::stat(path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0007, 0U);
  });
}

TEST_F(FileTest, AnErrorNamesTheOperationAndTheFileAlone) {
  in_virtual_time([this](Context& ctx) {
    Error error = std::move(File::open(ctx, path("visits.log"), File::Mode::kRead)).error();
    EXPECT_EQ(error.detail(), "open visits.log: No such file or directory");
  });
}

TEST_F(FileTest, SaysThatTheDiskIsFull) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full here";
  in_virtual_time([](Context& ctx) {
    auto full = *File::open(ctx, "/dev/full", File::Mode::kAppend);
    EXPECT_EQ(full->append(ctx, as_bytes("x")).error().code(), Code::kResourceExhausted);
  });
}

TEST_F(FileTest, BeginsNothingOnceTheContextHasEnded) {
  in_virtual_time([this](Context& ctx) {
    auto file = *File::open(ctx, path(), File::Mode::kUpdate);
    Context ended{ctx};
    ended.cancel();
    EXPECT_EQ(File::open(ended, path("other"), File::Mode::kUpdate).error().code(), Code::kCancelled);
    EXPECT_FALSE(std::filesystem::exists(path("other")));
    EXPECT_FALSE(file->append(ended, as_bytes("x")));
    EXPECT_FALSE(file->write_at(ended, 0, as_bytes("x")));
    EXPECT_FALSE(file->truncate(ended, 5));
    EXPECT_FALSE(file->preallocate(ended, 5));
    EXPECT_FALSE(file->sync(ended));
    EXPECT_FALSE(file->size(ended));
    EXPECT_EQ(*file->size(ctx), 0U);
  });
}

// Each kind of failure reads errno on the thread that made it, wherever its fiber went before.
TEST_F(FileTest, NeverTakesAnotherThreadsErrnoForItsOwn) {
  on_few_and_many_processors([this](Context& ctx) {
    { ASSERT_TRUE(File::open(ctx, path(), File::Mode::kUpdate)); }
    TaskGroup group{ctx};
    for (int i = 0; i < 4; ++i)
      group.go([&](Context& own) {
        for (int round = 0; round < kManyTimes / 500; ++round) {
          EXPECT_EQ(File::open(own, path("missing"), File::Mode::kRead).error().code(), Code::kNotFound);
          static_cast<void>(File::sync_folder(own, folder_));  // long: comes back on another thread
          EXPECT_EQ(File::open(own, path(), File::Mode::kCreate).error().code(), Code::kAlreadyExists);
        }
      });
    EXPECT_TRUE(group.wait());
  });
}

}  // namespace
}  // namespace sluice
