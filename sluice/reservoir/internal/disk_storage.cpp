// SPDX-License-Identifier: MIT
//
// Every system call runs inside blocking(), and its errno is read there: a fiber may go on on another thread.
#include <sluice/reservoir/internal/disk_storage.hpp>

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/blocking.hpp>

namespace sluice::reservoir::internal {
namespace {

constexpr const char* kLockName = "lock";

// 0, or errno. Its own function, never inlined: the compiler believes that errno's address never changes.
template <class F>
[[gnu::noinline]] int error_of(F call) {
  int result;
  do result = call();
  while (result < 0 && errno == EINTR);
  return result < 0 ? errno : 0;
}

Result<void> result_of(int error, std::string_view operation, std::string_view name) {
  if (error == 0) return {};
  return fail(errno_error(error, std::string(operation).append(" ").append(name)));
}

class DiskFile final : public StorageFile {
 public:
  explicit DiskFile(std::unique_ptr<File> file) : file_(std::move(file)) {}

  Result<void> write_at(Context& ctx, std::uint64_t offset, std::span<const std::byte> bytes) override {
    return file_->write_at(ctx, offset, bytes);
  }
  Result<std::size_t> read_at(Context& ctx, std::uint64_t offset, std::span<std::byte> into) override {
    return file_->read_at(ctx, offset, into);
  }
  Result<void> sync(Context& ctx) override { return file_->sync(ctx); }
  Result<void> preallocate(Context& ctx, std::uint64_t size) override {
    auto reserved = file_->preallocate(ctx, size);
    // A file system that cannot reserve (EOPNOTSUPP has no code of its own): then flushes allocate, and are slower.
    if (!reserved && reserved.error().code() == Code::kUnknown) return file_->truncate(ctx, size);
    return reserved;
  }
  Result<void> truncate(Context& ctx, std::uint64_t size) override { return file_->truncate(ctx, size); }
  Result<std::uint64_t> size(Context& ctx) override { return file_->size(ctx); }

 private:
  const std::unique_ptr<File> file_;
};

/// The descriptor that holds the lock.
class FolderLock {
 public:
  static Result<std::unique_ptr<FolderLock>> take(const std::filesystem::path& folder) {
    int fd = -1;
    int error = blocking([&] {
      return error_of([&] { return fd = ::open((folder / kLockName).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640); });
    });
    SLUICE_TRY(result_of(error, "open", kLockName));
    auto lock = std::unique_ptr<FolderLock>(new FolderLock(fd));
    error = blocking([&] { return error_of([&] { return ::flock(fd, LOCK_EX | LOCK_NB); }); });
    if (error == EWOULDBLOCK)
      return fail(Code::kFailedPrecondition, "the journal in " + folder.string() + " is in use by another process");
    SLUICE_TRY(result_of(error, "lock", kLockName));
    return lock;
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock() {
    blocking([this] { return ::close(fd_); });  // gives the lock back; the file stays, or two could hold a lock each
  }

 private:
  explicit FolderLock(int fd) noexcept : fd_(fd) {}
  const int fd_;
};

class DiskStorage final : public Storage {
 public:
  DiskStorage(std::filesystem::path folder, std::unique_ptr<FolderLock> lock)
      : folder_(std::move(folder)), lock_(std::move(lock)) {}

  Result<std::vector<std::string>> list(Context& ctx) override {
    SLUICE_TRY(ctx.check());
    std::vector<std::string> names;
    std::error_code error;
    blocking([&] {
      for (std::filesystem::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error))
        names.push_back(at->path().filename().string());
    });
    SLUICE_TRY(result_of(error.value(), "list", folder_.string()));
    return names;
  }

  Result<std::unique_ptr<StorageFile>> open(Context& ctx, std::string_view name, File::Mode mode) override {
    SLUICE_TRY(auto file, File::open(ctx, folder_ / name, mode));
    return std::make_unique<DiskFile>(std::move(file));
  }

  Result<void> rename(Context& ctx, std::string_view from, std::string_view to) override {
    SLUICE_TRY(ctx.check());
    auto old_path = folder_ / from, new_path = folder_ / to;
    return result_of(blocking([&] { return error_of([&] { return ::rename(old_path.c_str(), new_path.c_str()); }); }),
                     "rename", from);
  }

  Result<void> remove(Context& ctx, std::string_view name) override {
    SLUICE_TRY(ctx.check());
    auto path = folder_ / name;
    return result_of(blocking([&] { return error_of([&] { return ::unlink(path.c_str()); }); }), "remove", name);
  }

  Result<void> sync_names(Context& ctx) override { return File::sync_folder(ctx, folder_); }

  void release() override { lock_ = nullptr; }

  void fill_random(std::span<std::byte> into) override {
    // Up to 256 bytes come whole and at once as soon as the kernel has been seeded, which it is long before we run.
    int error = error_of([&] { return static_cast<int>(::getrandom(into.data(), into.size(), 0)); });
    SLUICE_ASSERT(error == 0 && into.size() <= 256, "the kernel gives random bytes");
  }

 private:
  const std::filesystem::path folder_;
  std::unique_ptr<FolderLock> lock_;  // null: only looking, or released
};

/// Makes the folder and those above it that are missing, durably: a journal is gone with its folder's name.
Result<void> create_folder(Context& ctx, const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> parents;  // of the new ones
  blocking([&] {
    // "a/b/" names the same folder as "a/b", and has another parent.
    auto at = (std::filesystem::absolute(folder, error) / "").parent_path();
    for (; !error && !std::filesystem::exists(at, error); at = at.parent_path()) parents.push_back(at.parent_path());
    if (!error) std::filesystem::create_directories(folder, error);
  });
  SLUICE_TRY(result_of(error.value(), "create", folder.string()));
  for (const auto& parent : parents) SLUICE_TRY(File::sync_folder(ctx, parent));
  return {};
}

}  // namespace

Result<std::unique_ptr<Storage>> own_folder(Context& ctx, const std::filesystem::path& folder) {
  SLUICE_TRY(ctx.check());
  SLUICE_TRY(create_folder(ctx, folder));
  SLUICE_TRY(auto lock, FolderLock::take(folder));
  return std::make_unique<DiskStorage>(folder, std::move(lock));
}

std::unique_ptr<Storage> look_into_folder(const std::filesystem::path& folder) {
  return std::make_unique<DiskStorage>(folder, nullptr);
}

}  // namespace sluice::reservoir::internal
