// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/reservoir/internal/frame.hpp>
#include <sluice/reservoir/internal/storage.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::reservoir::internal {

/// Reads a file's frames one after the other, with a window that grows to the largest of them.
/// What it has read ahead it does not read again: make a new one for what was written since.
/// Threads: one fiber. Lifetime: the file outlives it.
class FrameReader {
 public:
  FrameReader(StorageFile& file, Mark mark, std::uint64_t offset = kFileHeaderBytes) noexcept
      : file_(file), mark_(mark), offset_(offset), window_at_(offset) {}

  /// The frame at offset(), then moves behind it; valid until the next call. A Flaw if none is there whole, or one with
  /// another position; then it does not move. An Error if the file could not be read: that says nothing about the frame.
  Result<Decoded> next(Context& ctx, Position expected);
  /// The same for a frame of any position.
  Result<Decoded> next(Context& ctx);
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }

 private:
  Result<Decoded> peek(Context& ctx);
  /// `size` bytes from offset_ on; fewer only at the end of the file.
  Result<std::span<const std::byte>> window(Context& ctx, std::size_t size);

  StorageFile& file_;
  const Mark mark_;
  std::uint64_t offset_;
  std::uint64_t window_at_;          // where window_ begins in the file; never behind offset_
  std::vector<std::byte> window_;
};

}  // namespace sluice::reservoir::internal
