// SPDX-License-Identifier: MIT
//
// A failed sync leaves pages that look clean and are not on the disk. Here that does no harm: end_ moves only after a
// good one, and all behind it is written again, byte for byte, before the next.
#include <sluice/reservoir/internal/id_log.hpp>

#include <algorithm>
#include <string>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/reservoir/internal/frame_reader.hpp>

namespace sluice::reservoir::internal {
namespace {

constexpr std::size_t kWriteBytes = std::size_t{1} << 20;  // what one write carries well

Result<bool> exists(Context& ctx, Storage& storage) {
  SLUICE_TRY(auto names, storage.list(ctx));
  return std::ranges::find(names, kIdsName) != names.end();
}

}  // namespace

Result<std::unique_ptr<IdLog>> IdLog::open(Context& ctx, Storage& storage, JournalId journal, Position through,
                                           const OnFrame& visit) {
  auto log = std::unique_ptr<IdLog>(new IdLog(storage, journal));
  SLUICE_TRY(bool is_there, exists(ctx, storage));
  if (!is_there) {
    if (through == 0) return log;
    return fail(Code::kDataLoss,
                std::string(kIdsName) + " is missing, with the ids up to position " + std::to_string(through));
  }
  SLUICE_TRY(auto ids, open_journal_file(ctx, storage, std::string(kIdsName), FileKind::kIds, File::Mode::kUpdate));
  if (ids->header.journal != journal) return fail(Code::kDataLoss, ids->name + " belongs to another journal");
  SLUICE_TRY(log->end_, read_ids(ctx, *ids, through, visit));
  SLUICE_TRY(ids->file->truncate(ctx, log->end_.offset));
  SLUICE_TRY(ids->file->sync(ctx));
  log->ids_ = std::move(ids);
  return log;
}

Result<void> IdLog::append(Context& ctx, JournalFile& segment, Position end) {
  SLUICE_ASSERT(segment.header.first <= end_.next, "ids follow each other without a gap");
  if (!ids_) {
    SLUICE_TRY(ids_, create_journal_file(ctx, storage_, std::string(kIdsName),
                                         {.kind = FileKind::kIds, .journal = journal_, .first = 1}, 0));
  }
  Tail reached = end_;
  std::vector<std::byte> bytes;
  FrameReader reader(*segment.file, segment.header.mark);
  for (Position next = segment.header.first; next < end;) {
    SLUICE_TRY(auto frame, reader.next(ctx, next));
    if (!frame) return fail(segment.damaged(reader.offset(), frame.error()));
    if (frame->head.kind == FrameKind::kEnd) continue;
    if (next++ < reached.next) continue;  // from a trim that got no further
    FrameHead head = frame->head;
    head.synced_through = head.position - 1;  // nobody asks, and it keeps the bytes the same each time
    append_frame(bytes, ids_->header.mark, head, frame->keys(), {});
    reached.next = next;
    if (bytes.size() >= kWriteBytes) SLUICE_TRY(write(ctx, reached.offset, bytes));
  }
  SLUICE_TRY(write(ctx, reached.offset, bytes));
  SLUICE_TRY(ids_->file->sync(ctx));
  end_ = reached;
  return {};
}

Result<void> IdLog::write(Context& ctx, std::uint64_t& offset, std::vector<std::byte>& bytes) {
  SLUICE_TRY(ids_->file->write_at(ctx, offset, bytes));
  offset += bytes.size();
  bytes.clear();
  return {};
}

}  // namespace sluice::reservoir::internal
