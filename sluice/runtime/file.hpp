// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice {

/// A file that fibers read and write without stopping their thread (each call goes through blocking()).
/// A call that has begun is not interrupted; an ended context is noticed before it begins.
/// Errors: as errno_error() maps them, with the operation and the file's name, never its content.
/// Threads: reads and writes at distinct places from any; append by one at a time. Lifetime: closed by the destructor.
class File {
 public:
  enum class Mode {
    kRead,    ///< must exist
    kAppend,  ///< created if missing; append() writes at the end
    kUpdate,  ///< created if missing; read and write anywhere
    kCreate,  ///< must not exist
  };
  static Result<std::unique_ptr<File>> open(Context& ctx, const std::filesystem::path& path, Mode mode);
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();

  /// All of the bytes, or an error; after an error an unknown part of them may be in the file.
  Result<void> append(Context& ctx, std::span<const std::byte> bytes);
  Result<void> write_at(Context& ctx, std::uint64_t offset, std::span<const std::byte> bytes);
  /// How many bytes were read: fewer than asked for only at the end of the file.
  Result<std::size_t> read_at(Context& ctx, std::uint64_t offset, std::span<std::byte> into);

  /// Ok: what was written before is on stable storage (fdatasync). After an error nobody knows what is, and a second
  /// call proves nothing: the kernel may have dropped the pages. Treat the file as lost.
  Result<void> sync(Context& ctx);
  /// Reserves space up to `size`, filled with zeros, so that later writes within need no new blocks.
  /// kResourceExhausted: the disk is full.
  Result<void> preallocate(Context& ctx, std::uint64_t size);
  Result<void> truncate(Context& ctx, std::uint64_t size);
  [[nodiscard]] Result<std::uint64_t> size(Context& ctx) const;

  /// Makes the names in this folder durable (created, renamed and removed files).
  static Result<void> sync_folder(Context& ctx, const std::filesystem::path& folder);

 private:
  File(int fd, std::filesystem::path path) : fd_(fd), path_(std::move(path)) {}

  const int fd_;
  const std::filesystem::path path_;
};

}  // namespace sluice
