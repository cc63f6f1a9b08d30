// SPDX-License-Identifier: MIT
//
// What a start makes of files that a crash left or that a disk has damaged.
#include <sluice/reservoir/internal/recovery.hpp>

#include <algorithm>
#include <map>
#include <string>

#include <sluice/reservoir/internal/frame.hpp>
#include <sluice/reservoir/reservoir_world.hpp>

namespace sluice::reservoir {
namespace {

using namespace std::chrono_literals;
using internal::kFileHeaderBytes;
using Image = std::map<std::string, std::vector<std::byte>>;

const std::string kFirstSegment = "00000000000000000001.journal";
constexpr std::string_view kPayload = "some payload";
// Each start takes some ten times longer under a sanitizer; 7 has no factor in common with anything here.
constexpr std::size_t kStride = kSanitized ? 7 : 1;

std::string name(int number) { return "report " + std::to_string(number); }

std::size_t bytes_of_one() {
  const Candidate one = candidate(name(0));
  return internal::frame_bytes(std::span(&one, 1), kPayload.size());
}

/// Reports `first` to `end`, each flushed by itself unless `together`.
void accept(Context& ctx, Reservoir& reservoir, int first, int end, bool together = false) {
  TaskGroup group{ctx};
  for (int i = first; i < end; ++i) {
    group.go([&, i](Context& own) { EXPECT_TRUE(submit(own, reservoir, candidate(name(i)), kPayload)); });
    if (together) continue;
    EXPECT_TRUE(group.wait());
  }
  EXPECT_TRUE(group.wait());
}

/// The disk as a process leaves it that is killed after it accepted four reports one by one, then three in one batch.
Image killed_after_seven(Context& ctx, World& world) {
  auto reservoir = world.open(ctx);
  accept(ctx, *reservoir, 0, 3);
  world.disk.set_sync_time(1ms);
  accept(ctx, *reservoir, 3, 7, true);  // the first of them keeps the disk busy until the others have gathered
  world.disk.set_sync_time({});
  EXPECT_EQ(reservoir->durable(), 7U);
  return world.disk.image();
}
constexpr Position kProven = 4;  // by the frames of the batch behind it

/// Where the frame of this position begins.
std::size_t offset_of(Position position) { return kFileHeaderBytes + (position - 1) * bytes_of_one(); }

struct Start {
  Result<std::unique_ptr<Reservoir>> reservoir;
  std::uint64_t torn_tails;
};

Start start(Context& ctx, World& world, const Image& image) {
  world.disk.restore(image);
  const auto before = world.count("reservoir_torn_tails_total");
  auto reservoir = world.try_open(ctx);
  return {std::move(reservoir), world.count("reservoir_torn_tails_total") - before};
}

/// The first `count` reports are in, the others are not; and it works: what is lost can come again, and lasts.
void expect_whole(Context& ctx, World& world, Result<std::unique_ptr<Reservoir>> opened, Position count) {
  ASSERT_TRUE(opened) << opened.error().describe();
  ASSERT_EQ((*opened)->durable(), count);
  EXPECT_EQ(read_all(ctx, **opened).size(), count);
  accept(ctx, **opened, 0, 7);
  ASSERT_EQ((*opened)->durable(), 7U);
  opened->reset();
  world.disk.power_cut(0);
  auto again = world.open(ctx);
  EXPECT_EQ(again->durable(), 7U);
}

void expect_damage(const Result<std::unique_ptr<Reservoir>>& opened, std::string_view file, std::size_t offset) {
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kDataLoss);
  EXPECT_NE(opened.error().detail().find(file), std::string_view::npos) << opened.error().describe();
  EXPECT_NE(opened.error().detail().find("byte " + std::to_string(offset) + ":"), std::string_view::npos)
      << opened.error().describe();
}

// The tail is torn at every byte; what follows is what was reserved, or nothing.
TEST(Recovery, CutsWhatIsNotWholeAndKeepsTheRest) {
  World world;
  in_virtual_time([&](Context& ctx) {
    const Image image = killed_after_seven(ctx, world);
    const auto& whole = image.at(kFirstSegment);
    for (bool is_short : {false, true}) {
      for (std::size_t cut = kFileHeaderBytes; cut <= offset_of(8); cut += kStride) {
        Image torn = image;
        auto& bytes = torn.at(kFirstSegment);
        std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(cut), bytes.end(), std::byte{0});
        const auto same = static_cast<std::size_t>(std::ranges::mismatch(bytes, whole).in1 - bytes.begin());
        const Position count = std::min<Position>(7, (same - kFileHeaderBytes) / bytes_of_one());
        const bool is_torn = std::any_of(bytes.begin() + static_cast<std::ptrdiff_t>(offset_of(count + 1)), bytes.end(),
                                         [](std::byte byte) { return byte != std::byte{0}; });
        if (is_short) bytes.resize(cut);
        SCOPED_TRACE("cut at byte " + std::to_string(cut) + (is_short ? ", the end of the file" : ""));
        auto [opened, torn_tails] = start(ctx, world, torn);
        if (!is_short || count == (cut - kFileHeaderBytes) / bytes_of_one()) {
          EXPECT_EQ(torn_tails, is_torn ? 1U : 0U);
          expect_whole(ctx, world, std::move(opened), count);
        }
        if (HasFailure()) return;
      }
    }
    EXPECT_NE(world.logged().find("unfinished write"), std::string::npos);
  });
}

TEST(Recovery, ADamagedFrameIsCutOnlyIfNothingProvesThatItWasDurable) {
  World world;
  in_virtual_time([&](Context& ctx) {
    const Image image = killed_after_seven(ctx, world);
    for (Position position = 1; position <= 7; ++position) {
      for (std::size_t at = offset_of(position); at < offset_of(position + 1); at += kStride) {
        Image damaged = image;
        damaged.at(kFirstSegment)[at] ^= std::byte{1};
        SCOPED_TRACE("byte " + std::to_string(at) + " of the frame of position " + std::to_string(position));
        auto [opened, torn_tails] = start(ctx, world, damaged);
        if (position <= kProven) {
          expect_damage(opened, kFirstSegment, offset_of(position));
        } else {
          EXPECT_EQ(torn_tails, 1U);
          expect_whole(ctx, world, std::move(opened), position - 1);
        }
        if (HasFailure()) return;
      }
    }
  });
}

TEST(Recovery, AWholeFrameInAnothersPlaceIsDamage) {
  World world;
  in_virtual_time([&](Context& ctx) {
    Image swapped = killed_after_seven(ctx, world);
    auto at = [&](Position position) {
      return swapped.at(kFirstSegment).begin() + static_cast<std::ptrdiff_t>(offset_of(position));
    };
    std::swap_ranges(at(2), at(3), at(3));
    expect_damage(start(ctx, world, swapped).reservoir, kFirstSegment, offset_of(2));
  });
}

TEST(Recovery, AfterAnOrderlyEndEveryDamageIsTold) {
  World world;
  in_virtual_time([&](Context& ctx) {
    {
      auto reservoir = world.open(ctx);
      accept(ctx, *reservoir, 0, 2, true);
      ASSERT_TRUE(reservoir->close(ctx));
    }
    const Image image = world.disk.image();
    for (std::size_t at = 0; at < offset_of(3); ++at) {
      Image damaged = image;
      damaged.at(kFirstSegment)[at] ^= std::byte{0x80};
      auto [opened, torn_tails] = start(ctx, world, damaged);
      ASSERT_FALSE(opened) << at;
      EXPECT_TRUE(opened.error().code() == Code::kDataLoss) << opened.error().describe();
    }
    // The end itself holds nothing.
    Image damaged = image;
    damaged.at(kFirstSegment)[offset_of(3) + 20] ^= std::byte{1};
    expect_whole(ctx, world, std::move(start(ctx, world, damaged).reservoir), 2);
  });
}

TEST(Recovery, GoesOnBehindAnEndAndEndsAgain) {
  World world;
  in_virtual_time([&](Context& ctx) {
    for (int round = 0; round < 4; ++round) {
      auto reservoir = world.open(ctx);
      accept(ctx, *reservoir, 2 * round, 2 * round + 2);
      ASSERT_TRUE(reservoir->close(ctx));
      reservoir.reset();
      const auto bytes = world.disk.bytes(kFirstSegment);
      ASSERT_TRUE(world.open(ctx)->close(ctx));  // nothing to end, nothing written
      EXPECT_EQ(world.disk.bytes(kFirstSegment), bytes);
    }
    EXPECT_EQ(read_all(ctx, *world.open(ctx)).size(), 8U);
  });
}

// Three segments, the first half of what is in them drained but for the first one: no ids yet.
Image several_segments(Context& ctx, World& world, Position trimmed) {
  auto reservoir = world.open(ctx);
  accept(ctx, *reservoir, 0, 80);
  EXPECT_TRUE(reservoir->trim(ctx, trimmed));
  return world.disk.image();
}

TEST(Recovery, OlderSegmentsAreWholeOrTheStartIsRefused) {
  World world;
  in_virtual_time([&](Context& ctx) {
    const Image image = several_segments(ctx, world, 0);
    ASSERT_GE(image.size(), 3U);
    const std::string second = std::next(image.begin())->first;
    const auto per_segment = (4096 - kFileHeaderBytes) / bytes_of_one();
    {
      SCOPED_TRACE("a flipped bit in the last frame of the first one");
      Image damaged = image;
      damaged.at(kFirstSegment)[offset_of(per_segment) + 100] ^= std::byte{1};
      expect_damage(start(ctx, world, damaged).reservoir, kFirstSegment, offset_of(per_segment));
    }
    {
      SCOPED_TRACE("the second one is gone");
      Image damaged = image;
      damaged.erase(second);
      expect_damage(start(ctx, world, damaged).reservoir, kFirstSegment, offset_of(per_segment + 1));
    }
    {
      SCOPED_TRACE("the second one's name is wrong");
      Image damaged = image;
      damaged["00000000000000000030.journal"] = damaged.at(second);
      damaged.erase(second);
      EXPECT_EQ(start(ctx, world, damaged).reservoir.error().code(), Code::kDataLoss);
    }
    {
      SCOPED_TRACE("the first one is gone, and with it its ids");
      Image damaged = image;
      damaged.erase(kFirstSegment);
      EXPECT_EQ(start(ctx, world, damaged).reservoir.error().code(), Code::kDataLoss);
    }
    {
      SCOPED_TRACE("a segment of another journal");
      World other;
      other.disk = internal::CrashingDisk(test_seed() + 1);
      Image mixed = image;
      mixed.at(kFirstSegment) = killed_after_seven(ctx, other).at(kFirstSegment);
      EXPECT_EQ(start(ctx, world, mixed).reservoir.error().code(), Code::kDataLoss);
    }
    auto [opened, torn_tails] = start(ctx, world, image);
    ASSERT_TRUE(opened);
    EXPECT_EQ((*opened)->durable(), 80U);
  });
}

TEST(Recovery, IdsMustReachToTheFirstSegmentAndMayEndAnyhowBehindThat) {
  World world;
  in_virtual_time([&](Context& ctx) {
    const Image image = several_segments(ctx, world, 70);
    const std::string ids = "ids.log";
    ASSERT_TRUE(image.contains(ids));
    ASSERT_FALSE(image.contains(kFirstSegment));
    {
      SCOPED_TRACE("they are gone");
      Image damaged = image;
      damaged.erase(ids);
      EXPECT_EQ(start(ctx, world, damaged).reservoir.error().code(), Code::kDataLoss);
    }
    for (std::size_t at : {std::size_t{3}, kFileHeaderBytes, kFileHeaderBytes + 200, image.at(ids).size() - 1}) {
      Image damaged = image;
      damaged.at(ids)[at] ^= std::byte{1};
      auto opened = start(ctx, world, damaged).reservoir;
      ASSERT_FALSE(opened) << at;
      EXPECT_EQ(opened.error().code(), Code::kDataLoss);
    }
    {
      SCOPED_TRACE("cut short");
      Image damaged = image;
      damaged.at(ids).pop_back();
      EXPECT_EQ(start(ctx, world, damaged).reservoir.error().code(), Code::kDataLoss);
    }
    {
      SCOPED_TRACE("a trim that did not end");
      Image torn = image;
      torn.at(ids).resize(torn.at(ids).size() + 77, std::byte{0x5a});
      auto opened = start(ctx, world, torn).reservoir;
      ASSERT_TRUE(opened) << opened.error().describe();
      EXPECT_EQ((*opened)->find(candidate(name(0)).key)->position, 1U);
      ASSERT_TRUE((*opened)->trim(ctx, 80));
    }
    EXPECT_EQ(world.open(ctx)->find(candidate(name(79)).key)->position, 80U);
  });
}

TEST(Recovery, RemovesWhatWasNotFinished) {
  World world;
  in_virtual_time([&](Context& ctx) {
    Image image = killed_after_seven(ctx, world);
    image["00000000000000000008.journal.new"] = std::vector<std::byte>(100);
    auto opened = start(ctx, world, image).reservoir;
    ASSERT_TRUE(opened);
    EXPECT_EQ(world.disk.names(), std::vector<std::string>{kFirstSegment});
  });
}

// Somebody sends a payload that looks like a frame with a proof, and then the power fails.
TEST(Recovery, APayloadIsNeverTakenForAProof) {
  World world;
  in_virtual_time([&](Context& ctx) {
    const Candidate key = candidate("attack");
    for (std::size_t shift = 0; shift < 8; ++shift) {
      world.disk.restore({});
      std::vector<std::byte> forged(shift);
      internal::append_frame(forged, 1, {.position = 9, .synced_through = 1000}, {}, {});
      {
        auto reservoir = world.open(ctx);
        ASSERT_TRUE(submit(ctx, *reservoir, key, as_text(forged)));
      }
      Image torn = world.disk.image();
      torn.at(kFirstSegment)[kFileHeaderBytes + 20] ^= std::byte{1};
      expect_whole(ctx, world, std::move(start(ctx, world, torn).reservoir), 0);
    }
  });
}

TEST(Recovery, StartsOnAFullDiskAndWritesWhenThereIsRoomAgain) {
  World world;
  in_virtual_time([&](Context& ctx) {
    Image torn = killed_after_seven(ctx, world);
    torn.at(kFirstSegment)[offset_of(7) + 20] ^= std::byte{1};
    world.disk.set_full(true);
    auto opened = start(ctx, world, torn).reservoir;
    ASSERT_TRUE(opened) << opened.error().describe();
    Reservoir& reservoir = **opened;
    EXPECT_EQ(reservoir.writable().error().reason(), "not-writable");
    EXPECT_EQ(submit(ctx, reservoir, candidate(name(0)))->position, 1U);  // what is known is known
    EXPECT_EQ(read_all(ctx, reservoir).size(), 6U);
    EXPECT_FALSE(submit(ctx, reservoir, candidate("new")));
    world.disk.set_full(false);
    EXPECT_TRUE(sleep(ctx, 2s));
    EXPECT_TRUE(reservoir.writable());
    EXPECT_EQ(submit(ctx, reservoir, candidate("new"))->position, 7U);
  });
}

TEST(Recovery, AJournalWithoutSegmentsIsDamageNotANewOne) {
  World world;
  in_virtual_time([&](Context& ctx) {
    Image image = several_segments(ctx, world, 70);
    std::erase_if(image, [](const auto& file) { return file.first != "ids.log"; });
    EXPECT_EQ(start(ctx, world, image).reservoir.error().code(), Code::kDataLoss);
  });
}

}  // namespace
}  // namespace sluice::reservoir
