// SPDX-License-Identifier: MIT
#include <sluice/runtime/file.hpp>

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/blocking.hpp>

namespace sluice {
namespace {

// errno's address belongs to a thread, and the compiler takes it for constant; a fiber that has been inside blocking() may
// go on on another thread. So it is read in a function of its own, never inlined, whose body the optimizer cannot see.
[[gnu::noinline]] int last_error() noexcept {
  asm volatile("");
  return errno;
}

// What a system call said: its result, and errno as it was before anything else could change it.
struct Outcome {
  ssize_t value;
  int error;
};

template <class F>
Outcome call(F f, Expect expect = Expect::kShort) {
  return blocking(
      [&]() -> Outcome {
        for (;;) {
          auto value = static_cast<ssize_t>(f());
          if (value >= 0) return {value, 0};
          if (int error = last_error(); error != EINTR) return {value, error};
        }
      },
      expect);
}

std::unexpected<Error> failed(const Outcome& outcome, const char* operation, const std::filesystem::path& path,
                              std::source_location where = std::source_location::current()) {
  return fail(errno_error(outcome.error, std::string(operation) + " " + path.filename().string(), where));
}

int flags_of(File::Mode mode) noexcept {
  switch (mode) {
    case File::Mode::kRead: return O_RDONLY;
    case File::Mode::kAppend: return O_WRONLY | O_CREAT | O_APPEND;
    case File::Mode::kUpdate: return O_RDWR | O_CREAT;
    case File::Mode::kCreate: return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

}  // namespace

Result<std::unique_ptr<File>> File::open(Context& ctx, const std::filesystem::path& path, Mode mode) {
  SLUICE_TRY(ctx.check());
  // 0640: what we write is health data; others than owner and group have no business with it.
  Outcome opened = call([&] { return ::open(path.c_str(), flags_of(mode) | O_CLOEXEC, 0640); });
  if (opened.error != 0) return failed(opened, "open", path);
  return std::unique_ptr<File>(new File(static_cast<int>(opened.value), path));
}

File::~File() {
  blocking([this] { return ::close(fd_); });  // an error here is about what sync() would have told
}

Result<void> File::append(Context& ctx, std::span<const std::byte> bytes) {
  SLUICE_TRY(ctx.check());
  while (!bytes.empty()) {
    Outcome written = call([&] { return ::write(fd_, bytes.data(), bytes.size()); });
    if (written.error != 0) return failed(written, "append to", path_);
    bytes = bytes.subspan(static_cast<std::size_t>(written.value));
  }
  return {};
}

Result<void> File::write_at(Context& ctx, std::uint64_t offset, std::span<const std::byte> bytes) {
  SLUICE_TRY(ctx.check());
  while (!bytes.empty()) {
    Outcome written = call([&] { return ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (written.error != 0) return failed(written, "write", path_);
    offset += static_cast<std::uint64_t>(written.value);
    bytes = bytes.subspan(static_cast<std::size_t>(written.value));
  }
  return {};
}

Result<std::size_t> File::read_at(Context& ctx, std::uint64_t offset, std::span<std::byte> into) {
  SLUICE_TRY(ctx.check());
  std::size_t total = 0;
  while (total < into.size()) {
    auto rest = into.subspan(total);
    Outcome got = call([&] { return ::pread(fd_, rest.data(), rest.size(), static_cast<off_t>(offset + total)); });
    if (got.error != 0) return failed(got, "read", path_);
    if (got.value == 0) break;
    total += static_cast<std::size_t>(got.value);
  }
  return total;
}

Result<void> File::sync(Context& ctx) {
  SLUICE_TRY(ctx.check());
  Outcome synced = call([this] { return ::fdatasync(fd_); }, Expect::kLong);
  if (synced.error != 0) return failed(synced, "sync", path_);
  return {};
}

Result<void> File::preallocate(Context& ctx, std::uint64_t size) {
  SLUICE_TRY(ctx.check());
  Outcome reserved = call([&] { return ::fallocate(fd_, 0, 0, static_cast<off_t>(size)); }, Expect::kLong);
  if (reserved.error != 0) return failed(reserved, "preallocate", path_);
  return {};
}

Result<void> File::truncate(Context& ctx, std::uint64_t size) {
  SLUICE_TRY(ctx.check());
  Outcome cut = call([&] { return ::ftruncate(fd_, static_cast<off_t>(size)); });
  if (cut.error != 0) return failed(cut, "truncate", path_);
  return {};
}

Result<std::uint64_t> File::size(Context& ctx) const {
  SLUICE_TRY(ctx.check());
  struct stat status {};
  Outcome seen = call([&] { return ::fstat(fd_, &status); });
  if (seen.error != 0) return failed(seen, "stat", path_);
  return static_cast<std::uint64_t>(status.st_size);
}

Result<void> File::sync_folder(Context& ctx, const std::filesystem::path& folder) {
  SLUICE_TRY(ctx.check());
  Outcome opened = call([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (opened.error != 0) return failed(opened, "open", folder);
  int fd = static_cast<int>(opened.value);
  Outcome synced = call([&] { return ::fsync(fd); }, Expect::kLong);
  ::close(fd);
  if (synced.error != 0) return failed(synced, "sync", folder);
  return {};
}

}  // namespace sluice
