// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/reservoir/internal/journal_file.hpp>
#include <sluice/reservoir/internal/recovery.hpp>
#include <sluice/reservoir/internal/storage.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::reservoir::internal {

/// A phone may repeat a report six weeks later, when its segment is long gone. The ids of such segments stay here: a
/// file of the same frames without their payloads, from position 1 on without a gap.
/// Invariant: it reaches at least to the position before the oldest segment. What it holds beyond that is given up at the
/// next start, because the segments say it better; so its own tail may be torn without any harm.
/// Threads: one fiber at a time.
class IdLog {
 public:
  /// Hands the ids of all positions up to `through` to `visit`. kDataLoss: they are not all there.
  static Result<std::unique_ptr<IdLog>> open(Context& ctx, Storage& storage, JournalId journal, Position through,
                                             const OnFrame& visit);
  /// Adds the ids of this segment, whose records end before `end`, durably. After an error none of them counts, and the
  /// next call writes them again. Requires: the segment begins where the ids end, or before.
  Result<void> append(Context& ctx, JournalFile& segment, Position end);

 private:
  IdLog(Storage& storage, JournalId journal) : storage_(storage), journal_(journal) {}
  Result<void> write(Context& ctx, std::uint64_t& offset, std::vector<std::byte>& bytes);

  Storage& storage_;
  const JournalId journal_;
  std::unique_ptr<JournalFile> ids_;  // null until there is something to write
  Tail end_;                          // what is in there for certain
};

}  // namespace sluice::reservoir::internal
