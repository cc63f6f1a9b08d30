// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include <sluice/base/result.hpp>
#include <sluice/reservoir/internal/frame.hpp>
#include <sluice/reservoir/internal/journal_file.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::reservoir::internal {

/// Takes a record's frame; valid until it returns.
using OnFrame = std::function<Result<void>(const FrameView&)>;

/// Where a file's whole frames end.
struct Tail {
  Position next = 1;                             ///< the position of the frame that would come now
  std::uint64_t offset = kFileHeaderBytes;       ///< where it would begin
  std::uint64_t unproven_at = kFileHeaderBytes;  ///< no frame says of what lies from here to `offset` that it is durable
  bool is_ended = false;                         ///< the last frame was an end frame
  Flaw torn = nullptr;                           ///< what is wrong with what is at `offset`; null: nothing is there
};

/// Hands each record of a segment to `visit`, in order. With `end`, the position where the next segment begins: all up to
/// there are whole, and what lies behind them was given up when that one was made. Without: it is the last segment, and
/// what is not whole at its end is a torn tail, if nothing proves the contrary.
/// A frame proves the contrary that says of a position at or behind the broken one that it was durable: then what was
/// acknowledged is damaged. kDataLoss, here as for a hole: the detail names the file and the offset.
/// The file may be growing under our hands.
Result<Tail> read_segment(Context& ctx, JournalFile& segment, std::optional<Position> end, const OnFrame& visit);

/// Hands the ids of all positions up to `through` to `visit`; where they end. kDataLoss: they are not all there.
Result<Tail> read_ids(Context& ctx, JournalFile& ids, Position through, const OnFrame& visit);

}  // namespace sluice::reservoir::internal
