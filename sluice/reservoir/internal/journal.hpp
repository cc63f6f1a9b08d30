// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/reservoir/internal/backlog.hpp>
#include <sluice/reservoir/internal/frame.hpp>
#include <sluice/reservoir/internal/id_log.hpp>
#include <sluice/reservoir/internal/journal_file.hpp>
#include <sluice/reservoir/internal/recovery.hpp>
#include <sluice/reservoir/internal/storage.hpp>
#include <sluice/reservoir/internal/watermark.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/semaphore.hpp>

namespace sluice::reservoir::internal {

/// What a start found behind the last whole frame, and gave up.
struct TornTail {
  std::string file;
  std::uint64_t offset = 0;
  Flaw flaw = nullptr;
};

/// The files: a row of segments, of which the last one grows, and the ids of those that are gone. A segment ends where the
/// next one begins, whatever else it holds.
///
///   writable -> append fails, or a new segment does -> not writable -> renew() makes a segment -> writable
///
/// A segment whose write or sync failed is never touched again: nobody knows what of it is on the disk. The next one
/// begins right behind the last durable record, and so whatever that failed write left does not count.
/// Threads: append, renew and end by one fiber at a time; the rest from any. Lifetime: the storage and the backlog
/// outlive it.
class Journal {
 public:
  /// Reads what is there, makes it durable, and counts it as not drained. Hands the record of each position, from 1 on, to
  /// `visit`; of those that were trimmed only the ids are left. kDataLoss: damage; see read_segment.
  static Result<std::unique_ptr<Journal>> open(Context& ctx, Storage& storage, std::uint64_t segment_bytes,
                                               Backlog& backlog, const OnFrame& visit);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Writes and syncs all of them; the position of the first. After an error none of them is in, and the journal is not
  /// writable. Requires: is_writable(), at least one record.
  Result<Position> append(Context& ctx, std::span<const RecordView> records);
  [[nodiscard]] bool is_writable() const noexcept;
  /// Begins a new segment behind the last durable record, with room for a batch of so many bytes. Writable afterwards, not
  /// writable after an error.
  Result<void> renew(Context& ctx, std::size_t batch_bytes = 0);
  /// Marks what is in as durable, so that damage to it is not taken for a torn tail. Nothing if the journal is not writable.
  Result<void> end(Context& ctx);

  /// As Reservoir::read and Reservoir::trim.
  Result<std::vector<Record>> read(Context& ctx, Position after, std::size_t records_max, std::size_t bytes_max);
  Result<void> trim(Context& ctx, Position position);

  [[nodiscard]] Position durable() const noexcept { return durable_.value(); }
  [[nodiscard]] Position oldest();
  [[nodiscard]] const JournalId& id() const noexcept { return id_; }
  /// Nothing: the last segment ended cleanly.
  [[nodiscard]] const std::optional<TornTail>& torn_tail() const noexcept { return torn_tail_; }

 private:
  using Segments = std::vector<std::shared_ptr<JournalFile>>;
  /// A segment, and where in it a frame begins.
  struct Place {
    std::shared_ptr<JournalFile> segment;
    Position end = 0;  ///< of the segment: the next one's first
    Position position = 0;
    std::uint64_t offset = 0;
  };
  struct Reading;

  Journal(Storage& storage, std::uint64_t segment_bytes, Backlog& backlog)
      : storage_(storage), segment_bytes_(segment_bytes), backlog_(backlog) {}
  Result<void> load(Context& ctx, const OnFrame& visit);
  Result<void> open_segments(Context& ctx);
  Result<void> load_segments(Context& ctx, const OnFrame& visit);
  Result<void> go_on_behind(Context& ctx, const Tail& tail);
  Result<void> write_and_sync(Context& ctx, std::span<const std::byte> bytes);
  void add_segment(std::shared_ptr<JournalFile> segment);

  Result<Place> find(Position position);
  static Result<void> read_at(Context& ctx, Place& place, Reading& reading);
  Result<void> trim_segments(Context& ctx, Position position);

  Storage& storage_;
  const std::uint64_t segment_bytes_;
  Backlog& backlog_;
  JournalId id_{};
  std::optional<TornTail> torn_tail_;
  Watermark durable_;

  Mutex mutex_{LockRank::kReservoir};
  // shared_ptr, here and below: with whoever reads in a segment or writes to it while trim lets go of it.
  Segments segments_;  // guarded by mutex_; never empty after open, rising
  Place next_read_;    // guarded by mutex_; where the last read ended, a guess for the next one

  std::shared_ptr<JournalFile> writing_;  // writer only; null: not writable
  std::uint64_t offset_ = 0;              // writer only; where the next frame goes
  std::uint64_t capacity_ = 0;            // writer only; what is reserved of writing_
  bool is_ended_ = true;                  // writer only; nothing was written since the last end frame
  std::vector<std::byte> buffer_;         // writer only
  std::atomic<bool> is_writable_{false};  // written by the writer, read by anyone; a hint, publishes nothing

  Semaphore trimming_{1};  // guards ids_; a Mutex is for sections in which nothing parks
  std::unique_ptr<IdLog> ids_;
};

}  // namespace sluice::reservoir::internal
