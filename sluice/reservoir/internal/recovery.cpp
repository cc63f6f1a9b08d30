// SPDX-License-Identifier: MIT
//
// A batch of frames that was being written when the power failed may lie on the disk in any part: its first pages missing
// and its last ones there. Nobody was told that it is in, so it is cut from its first broken frame on.
// A batch that was synced may be damaged later by the disk. Its senders were told, so that must never be taken for the
// first case. The two are told apart by what follows: a frame is written only after all of the batch before it is
// durable, and says so (synced_through). One whole frame of a later batch, anywhere behind the broken one, is proof.
// Not told apart: damage in the very last batch of a process that was killed. close() writes an end frame as proof.
#include <sluice/reservoir/internal/recovery.hpp>

#include <algorithm>
#include <cstring>
#include <vector>

#include <sluice/base/bytes.hpp>
#include <sluice/reservoir/internal/frame_reader.hpp>

namespace sluice::reservoir::internal {
namespace {

constexpr std::size_t kSearchBytes = std::size_t{256} << 10;  // a read; a multiple of kFrameAlignment
static_assert(kSearchBytes % kFrameAlignment == 0);

enum class Behind { kNothing, kSomething, kProof };

bool proves(const FrameView& frame, Position position) noexcept { return frame.head.synced_through >= position; }

/// What lies from `offset` on: zeros, bytes of no meaning, or a frame that was written after `position` was durable.
Result<Behind> search_behind(Context& ctx, JournalFile& segment, std::uint64_t offset, Position position) {
  auto found = Behind::kNothing;
  std::vector<std::byte> bytes(kSearchBytes);
  for (;; offset += kSearchBytes) {
    SLUICE_TRY(auto got, segment.file->read_at(ctx, offset, bytes));
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(got), bytes.end(), std::byte{0});
    for (std::size_t at = 0; at < got; at += kFrameAlignment) {
      auto word = load_little<std::uint64_t>(bytes.data() + at);
      if (word == 0) continue;
      found = Behind::kSomething;
      if (word != segment.header.mark) continue;
      SLUICE_TRY(auto frame, FrameReader(*segment.file, segment.header.mark, offset + at).next(ctx));
      if (frame && proves(*frame, position)) return Behind::kProof;
    }
    if (got < bytes.size()) return found;
  }
}

class SegmentWalk {
 public:
  SegmentWalk(JournalFile& segment, const OnFrame& visit)
      : segment_(segment), visit_(visit) {
    tail_.next = segment.header.first;
    reader_.emplace(*segment_.file, segment_.header.mark);
  }

  /// Visits whole frames up to `end`; what is wrong with the first one that is not whole, if it comes to one.
  Result<Flaw> walk(Context& ctx, std::optional<Position> end) {
    while (!end || tail_.next < *end) {
      SLUICE_TRY(auto frame, reader_->next(ctx, tail_.next));
      if (!frame) return frame.error();
      SLUICE_TRY(take(*frame));
    }
    return Flaw(nullptr);
  }

  /// Whether the frame where walk() stopped is whole now: somebody has written it since.
  Result<bool> has_arrived(Context& ctx) {
    FrameReader fresh(*segment_.file, segment_.header.mark, tail_.offset);
    SLUICE_TRY(auto frame, fresh.next(ctx, tail_.next));
    reader_.emplace(*segment_.file, segment_.header.mark, tail_.offset);
    return frame.has_value();
  }

  [[nodiscard]] Tail& tail() noexcept { return tail_; }

 private:
  Result<void> take(const FrameView& frame) {
    // The first frame of a batch, or an end: all before it was durable when it was written.
    if (frame.head.synced_through + 1 == frame.head.position) tail_.unproven_at = tail_.offset;
    tail_.offset += frame.bytes;
    tail_.is_ended = frame.head.kind == FrameKind::kEnd;
    if (tail_.is_ended) return {};
    ++tail_.next;
    return visit_(frame);
  }

  JournalFile& segment_;
  const OnFrame& visit_;
  std::optional<FrameReader> reader_;  // never empty
  Tail tail_;
};

}  // namespace

Result<Tail> read_segment(Context& ctx, JournalFile& segment, std::optional<Position> end, const OnFrame& visit) {
  SegmentWalk walk(segment, visit);
  for (;;) {
    SLUICE_TRY(Flaw flaw, walk.walk(ctx, end));
    Tail& tail = walk.tail();
    if (flaw == nullptr) return tail;
    if (end) return fail(segment.damaged(tail.offset, flaw));
    SLUICE_TRY(auto behind, search_behind(ctx, segment, tail.offset, tail.next));
    if (behind != Behind::kProof) {
      tail.torn = behind == Behind::kNothing ? nullptr : flaw;
      return tail;
    }
    // There is proof that this frame is whole, so if the journal is alive it has become so while we searched.
    SLUICE_TRY(bool has_arrived, walk.has_arrived(ctx));
    if (!has_arrived) return fail(segment.damaged(tail.offset, flaw));
  }
}

Result<Tail> read_ids(Context& ctx, JournalFile& ids, Position through, const OnFrame& visit) {
  SegmentWalk walk(ids, visit);
  SLUICE_TRY(Flaw flaw, walk.walk(ctx, through + 1));
  if (flaw != nullptr) return fail(ids.damaged(walk.tail().offset, flaw));
  return walk.tail();
}

}  // namespace sluice::reservoir::internal
