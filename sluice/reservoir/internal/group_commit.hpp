// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/log_limit.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/reservoir/internal/frame.hpp>
#include <sluice/reservoir/internal/journal.hpp>
#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/semaphore.hpp>
#include <sluice/runtime/task_group.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice::reservoir::internal {

/// A flush costs the same for one record as for a thousand. So one fiber flushes for all: while the disk is busy with one
/// batch the next one gathers, and no record waits for a clock. The slower the disk, the larger the batches.
///
/// After a failed write it tries once a second, whether somebody asks or not, to begin a new segment; until that works
/// every append fails at once. That is all there is to a disk that was full.
/// Metrics: reservoir_appended_total, reservoir_flushes_total, reservoir_flush_seconds. Threads: fibers.
/// Lifetime: the journal outlives it; nobody is inside at the end.
class GroupCommit {
 public:
  GroupCommit(Journal& journal, std::size_t pending_bytes_max, Reservoir::Parts parts);

  /// kResourceExhausted: no stack to be had. Requires: called once, before all else.
  Result<void> start();
  /// Parks until the record is durable; its position. What it shows is read until then, so that it need not be copied.
  /// kUnavailable `not-writable`. The cause of ctx if that ends while there is no room for it; never later.
  Result<Position> append(Context& ctx, const RecordView& record);
  /// Ends the fiber and marks the journal's end. Requires: nobody is inside; nothing is called afterwards.
  Result<void> close();

  /// Of what waits to be written or is being written.
  [[nodiscard]] std::uint64_t pending_bytes() const noexcept;
  /// What append answers while the journal is not writable.
  [[nodiscard]] static Error not_writable(std::string detail = "the journal cannot be written to at present");

 private:
  /// On the stack of who waits in append().
  struct Waiting {
    const RecordView& record;
    Result<Position> result;
    WaitGroup done;
  };
  using Batch = std::vector<Waiting*>;

  void run(Context& ctx);
  Batch take_batch();
  void flush(const Batch& batch);
  Result<Position> write(const Batch& batch);
  void recover();

  Journal& journal_;
  const Reservoir::Parts parts_;
  observe::Counter& appended_total_;
  observe::Counter& flushes_total_;
  observe::Histogram& flush_seconds_;
  observe::LogLimit recover_log_;

  const std::size_t pending_bytes_max_;
  Semaphore room_;                               // bytes
  std::atomic<std::uint64_t> pending_bytes_{0};  // written by append, read by anyone; counts, publishes nothing
  Mutex mutex_{LockRank::kReservoir};
  Batch gathering_;                       // guarded by mutex_
  std::vector<RecordView> records_;       // committer only
  Chan<bool> bell_{1};                    // rung when something was added to gathering_
  Context patient_;                       // nobody cancels a write that has begun
  TaskGroup group_{patient_};
};

}  // namespace sluice::reservoir::internal
