// SPDX-License-Identifier: MIT
//
//   000…01.journal     000…58.journal     000…93.journal                ids.log
//   [1 … 57]           [58 … 92] xxx      [93 … 120] ------             [1 … 57, ids only], after the first segment went
//                      given up  ^^^      reserved   ^^^^^^
//
// Durable after a crash at any instruction, because of the order in each of three things:
//   append   write, sync, then tell anybody.
//   renew    make the new segment whole under another name, sync it, rename it, sync the folder, then write to it. From the
//            moment the renaming begins the old one is not written to any more: a start that finds the new one would
//            not look behind its beginning.
//   trim     write the ids of a segment, sync them, then remove the segment, then sync the folder.
//
// A failed sync may leave pages that look clean and are not on the disk. While the process lives the segment is poisoned.
// A process that starts after it cannot see that it happened, so it writes once more, byte for byte, what no frame proves
// to be durable, and syncs that.
//
// Rejected: cutting a torn tail by writing zeros over it (a new segment gives it up without touching it, in the same way
// as after a failed write); an index from position to offset (one reader, who goes on where it stopped).
#include <sluice/reservoir/internal/journal.hpp>

#include <algorithm>
#include <mutex>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/reservoir/internal/frame_reader.hpp>

namespace sluice::reservoir::internal {
namespace {

// A batch beyond it was an exception: its memory is given back.
constexpr std::size_t kBufferKeptBytes = std::size_t{4} << 20;
constexpr std::size_t kRewriteBytes = std::size_t{1} << 20;

/// Writes [from, to) of the file over itself, so that its pages are dirty and the next sync means what it says.
Result<void> write_again(Context& ctx, StorageFile& file, std::uint64_t from, std::uint64_t to) {
  std::vector<std::byte> bytes;
  while (from < to) {
    bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(to - from, kRewriteBytes)));
    SLUICE_TRY(auto got, file.read_at(ctx, from, bytes));
    if (got < bytes.size()) return fail(Code::kDataLoss, "the file became shorter");
    SLUICE_TRY(file.write_at(ctx, from, bytes));
    from += got;
  }
  return file.sync(ctx);
}

}  // namespace

// ---- start ----

Result<std::unique_ptr<Journal>> Journal::open(Context& ctx, Storage& storage, std::uint64_t segment_bytes,
                                               Backlog& backlog, const OnFrame& visit) {
  auto journal = std::unique_ptr<Journal>(new Journal(storage, segment_bytes, backlog));
  SLUICE_TRY(journal->load(ctx, visit));
  return journal;
}

Result<void> Journal::load(Context& ctx, const OnFrame& visit) {
  SLUICE_TRY(open_segments(ctx));
  if (!segments_.empty()) return load_segments(ctx, visit);
  storage_.fill_random(id_);
  SLUICE_TRY(ids_, IdLog::open(ctx, storage_, id_, 0, visit));
  backlog_.begin(0);
  return renew(ctx);
}

/// Opens what has a segment's name, in order, and removes what a crash left unfinished.
Result<void> Journal::open_segments(Context& ctx) {
  SLUICE_TRY(auto names, storage_.list(ctx));
  for (const std::string& name : names)
    if (name.ends_with(kUnfinishedSuffix)) SLUICE_TRY(storage_.remove(ctx, name));
  const auto firsts = firsts_of_segments(names);
  for (Position first : firsts) {
    const auto mode = first == firsts.back() ? File::Mode::kUpdate : File::Mode::kRead;
    SLUICE_TRY(auto segment, open_journal_file(ctx, storage_, segment_name(first), FileKind::kSegment, mode));
    if (segment->header.first != first) return fail(segment->damaged(0, "its header has another position than its name"));
    if (segments_.empty()) id_ = segment->header.journal;
    if (segment->header.journal != id_) return fail(segment->damaged(0, "it belongs to another journal"));
    segments_.push_back(std::move(segment));
  }
  return {};
}

Result<void> Journal::load_segments(Context& ctx, const OnFrame& visit) {
  const Position first = segments_.front()->header.first;
  SLUICE_TRY(ids_, IdLog::open(ctx, storage_, id_, first - 1, visit));
  backlog_.begin(first - 1);
  const OnFrame count_and_visit = [&](const FrameView& frame) {
    backlog_.add(static_cast<std::uint32_t>(frame.bytes), frame.head.received_at);
    return visit(frame);
  };
  for (std::size_t i = 0; i + 1 < segments_.size(); ++i)
    SLUICE_TRY(read_segment(ctx, *segments_[i], segments_[i + 1]->header.first, count_and_visit));
  SLUICE_TRY(Tail tail, read_segment(ctx, *segments_.back(), std::nullopt, count_and_visit));
  durable_.advance(tail.next - 1);
  return go_on_behind(ctx, tail);
}

/// Makes sure of what was read, then writes behind it: here if the segment ends cleanly, in a new one if it does not.
Result<void> Journal::go_on_behind(Context& ctx, const Tail& tail) {
  JournalFile& last = *segments_.back();
  if (tail.unproven_at < tail.offset) SLUICE_TRY(write_again(ctx, *last.file, tail.unproven_at, tail.offset));
  if (tail.torn != nullptr) {
    torn_tail_ = TornTail{last.name, tail.offset, tail.torn};
    // An error: not writable yet, but what is in can be asked for and drained. Whoever writes tries again.
    static_cast<void>(renew(ctx));
    return {};
  }
  SLUICE_TRY(capacity_, last.file->size(ctx));
  writing_ = segments_.back();
  offset_ = tail.offset;
  is_ended_ = tail.is_ended || tail.offset == kFileHeaderBytes;
  is_writable_.store(true, std::memory_order_relaxed);  // relaxed: see is_writable_
  return {};
}

// ---- in ----

bool Journal::is_writable() const noexcept {
  return is_writable_.load(std::memory_order_relaxed);  // relaxed: see is_writable_
}

Result<void> Journal::renew(Context& ctx, std::size_t batch_bytes) {
  writing_ = nullptr;
  const Position first = durable() + 1;
  capacity_ = std::max<std::uint64_t>(segment_bytes_, kFileHeaderBytes + batch_bytes);
  auto made = create_journal_file(ctx, storage_, segment_name(first), {.journal = id_, .first = first}, capacity_);
  // Not before: an ordinary change of segments is not a time in which nothing can be accepted.
  is_writable_.store(made.has_value(), std::memory_order_relaxed);  // relaxed: see is_writable_
  if (!made) return fail(std::move(made).error());
  writing_ = std::move(*made);
  offset_ = kFileHeaderBytes;
  is_ended_ = true;
  add_segment(writing_);
  return {};
}

void Journal::add_segment(std::shared_ptr<JournalFile> segment) {
  std::lock_guard hold(mutex_);
  // One that was given up before anything in it was durable had the same beginning, and its name is the new one's now.
  if (!segments_.empty() && segments_.back()->header.first == segment->header.first) segments_.pop_back();
  segments_.push_back(std::move(segment));
}

Result<Position> Journal::append(Context& ctx, std::span<const RecordView> records) {
  SLUICE_ASSERT(is_writable() && !records.empty(), "there is something to write, and where to");
  std::size_t batch_bytes = 0;
  for (const RecordView& record : records) batch_bytes += frame_bytes(record.keys, record.payload.size());
  if (offset_ + batch_bytes > capacity_) SLUICE_TRY(renew(ctx, batch_bytes));

  const Position before = durable();
  Position position = before;
  buffer_.clear();
  buffer_.reserve(batch_bytes);
  for (const RecordView& record : records)
    append_frame(buffer_, writing_->header.mark,
                 {.position = ++position, .synced_through = before, .received_at = record.received_at, .type = record.type},
                 record.keys, record.payload);
  SLUICE_TRY(write_and_sync(ctx, buffer_));
  is_ended_ = false;
  // Before the watermark: a reader that sees the record may drain it at once.
  for (const RecordView& record : records)
    backlog_.add(static_cast<std::uint32_t>(frame_bytes(record.keys, record.payload.size())), record.received_at);
  durable_.advance(position);
  if (buffer_.capacity() > kBufferKeptBytes) std::vector<std::byte>().swap(buffer_);  // an assignment keeps the memory
  return before + 1;
}

Result<void> Journal::end(Context& ctx) {
  if (!is_writable() || is_ended_) return {};
  buffer_.clear();
  append_frame(buffer_, writing_->header.mark,
               {.position = durable() + 1, .synced_through = durable(), .kind = FrameKind::kEnd}, {}, {});
  SLUICE_TRY(write_and_sync(ctx, buffer_));
  is_ended_ = true;
  return {};
}

Result<void> Journal::write_and_sync(Context& ctx, std::span<const std::byte> bytes) {
  auto result = writing_->file->write_at(ctx, offset_, bytes);
  if (result) result = writing_->file->sync(ctx);
  if (result) {
    offset_ += bytes.size();
    return {};
  }
  is_writable_.store(false, std::memory_order_relaxed);  // relaxed: see is_writable_
  return fail(std::move(result).error().with(std::exchange(writing_, nullptr)->name));
}

// ---- out ----

Position Journal::oldest() {
  std::lock_guard hold(mutex_);
  return segments_.front()->header.first;
}

/// What one read() wants, and what it has so far.
struct Journal::Reading {
  Position next;
  const Position until;
  const std::size_t records_max;
  const std::size_t bytes_max;
  std::vector<Record> records = {};
  std::size_t bytes = 0;

  [[nodiscard]] bool is_done() const noexcept {
    return next > until || records.size() >= records_max || (!records.empty() && bytes >= bytes_max);
  }
};

Result<std::vector<Record>> Journal::read(Context& ctx, Position after, std::size_t records_max, std::size_t bytes_max) {
  SLUICE_ASSERT(records_max > 0, "a reader wants something");
  SLUICE_TRY(durable_.wait_beyond(ctx, after));
  Reading reading{after + 1, durable(), records_max, bytes_max};
  while (!reading.is_done()) {
    SLUICE_TRY(Place place, find(reading.next));
    SLUICE_TRY(read_at(ctx, place, reading));
    std::lock_guard hold(mutex_);
    next_read_ = std::move(place);
  }
  return std::move(reading.records);
}

/// The segment of this position, and the place of a frame in it, at or before the position.
Result<Journal::Place> Journal::find(Position position) {
  std::lock_guard hold(mutex_);
  auto behind = std::ranges::upper_bound(segments_, position, {}, [](const auto& one) { return one->header.first; });
  if (behind == segments_.begin())
    return fail(Code::kOutOfRange, "position " + std::to_string(position) + " was trimmed; the oldest is " +
                                       std::to_string(segments_.front()->header.first));
  const auto& segment = *std::prev(behind);
  Place place{segment, behind == segments_.end() ? ~Position{0} : (*behind)->header.first, segment->header.first,
              kFileHeaderBytes};
  if (next_read_.segment == segment && next_read_.position <= position) {
    place.position = next_read_.position;
    place.offset = next_read_.offset;
  }
  return place;
}

/// Takes what is wanted of one segment; `place` moves behind what was read.
Result<void> Journal::read_at(Context& ctx, Place& place, Reading& reading) {
  FrameReader reader(*place.segment->file, place.segment->header.mark, place.offset);
  while (!reading.is_done() && place.position < place.end) {
    SLUICE_TRY(auto frame, reader.next(ctx, place.position));
    if (!frame) return fail(place.segment->damaged(place.offset, frame.error()));
    place.offset = reader.offset();
    if (frame->head.kind == FrameKind::kEnd) continue;
    if (place.position++ < reading.next) continue;
    ++reading.next;
    reading.bytes += frame->payload.size();
    reading.records.push_back(frame->to_record());
  }
  return {};
}

// ---- away ----

Result<void> Journal::trim(Context& ctx, Position position) {
  SLUICE_ASSERT(position <= durable(), "what is not here cannot be elsewhere");
  SLUICE_TRY(trimming_.acquire(ctx));
  backlog_.drain(position);
  auto result = trim_segments(ctx, backlog_.drained());
  trimming_.release();
  return result;
}

Result<void> Journal::trim_segments(Context& ctx, Position position) {
  for (;;) {
    std::shared_ptr<JournalFile> segment;
    Position end = 0;
    {
      std::lock_guard hold(mutex_);
      if (segments_.size() < 2 || segments_[1]->header.first - 1 > position) return {};
      segment = segments_[0];
      end = segments_[1]->header.first;
    }
    SLUICE_TRY(ids_->append(ctx, *segment, end));
    if (auto removed = storage_.remove(ctx, segment->name); !removed && removed.error().code() != Code::kNotFound)
      return removed;
    {
      std::lock_guard hold(mutex_);
      segments_.erase(segments_.begin());
    }
    // One by one: were two removals still under way in a crash, the later one alone could be done, and leave a gap.
    SLUICE_TRY(storage_.sync_names(ctx));
  }
}

}  // namespace sluice::reservoir::internal
