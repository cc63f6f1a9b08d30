// SPDX-License-Identifier: MIT
#include <sluice/reservoir/internal/frame_reader.hpp>

#include <algorithm>

namespace sluice::reservoir::internal {
namespace {

// Some hundred reports: a system call is nothing beside decoding them, and a reader that wants one does not copy a file.
constexpr std::size_t kReadAheadBytes = std::size_t{128} << 10;

}  // namespace

Result<Decoded> FrameReader::next(Context& ctx, Position expected) {
  SLUICE_TRY(auto frame, peek(ctx));
  if (frame && frame->head.position != expected) return Decoded(std::unexpect, "another position");
  if (frame) offset_ += frame->bytes;
  return frame;
}

Result<Decoded> FrameReader::next(Context& ctx) {
  SLUICE_TRY(auto frame, peek(ctx));
  if (frame) offset_ += frame->bytes;
  return frame;
}

Result<Decoded> FrameReader::peek(Context& ctx) {
  SLUICE_TRY(auto head, window(ctx, kFrameHeadBytes));
  if (head.size() < kFrameHeadBytes) return Decoded(std::unexpect, "cut short");
  auto length = claimed_bytes(head, mark_);
  if (!length) return Decoded(std::unexpect, length.error());
  // A damaged length may claim what no file holds: ask for the file's size before the memory.
  if (*length > kReadAheadBytes) {
    SLUICE_TRY(auto size, file_.size(ctx));
    if (offset_ + *length > size) return Decoded(std::unexpect, "cut short");
  }
  SLUICE_TRY(auto bytes, window(ctx, *length));
  return decode_frame(bytes, mark_);
}

Result<std::span<const std::byte>> FrameReader::window(Context& ctx, std::size_t size) {
  auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(offset_ - window_at_, window_.size()));
  if (window_.size() - skipped < size) {
    window_.erase(window_.begin(), window_.begin() + static_cast<std::ptrdiff_t>(skipped));
    window_at_ = offset_;
    skipped = 0;
    const std::size_t had = window_.size();
    window_.resize(std::max(size, kReadAheadBytes));
    auto got = file_.read_at(ctx, offset_ + had, std::span(window_).subspan(had));
    window_.resize(had + (got ? *got : 0));
    if (!got) return fail(std::move(got).error());
  }
  auto rest = std::span<const std::byte>(window_).subspan(skipped);
  return rest.first(std::min(size, rest.size()));
}

}  // namespace sluice::reservoir::internal
