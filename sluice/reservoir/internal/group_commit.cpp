// SPDX-License-Identifier: MIT
//
//   append     adds itself to gathering_, rings, parks                 committer   hears the bell, takes gathering_ whole,
//              (its record stays on its stack, read from there)                    writes, syncs, wakes all of them
//
// Positions are given out by who writes. So a batch that failed has used up none, and the next one gets the same.
// Rejected: the first who waits leads and flushes for the others (its own answer waits for the next batch's hand-over); a
// delay to gather more (the disk's own time gathers enough, and an idle server would wait for nothing).
#include <sluice/reservoir/internal/group_commit.hpp>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>
#include <utility>

#include <sluice/base/assert.hpp>

namespace sluice::reservoir::internal {
namespace {

// A person who frees space wants to see it work at once; a disk that fails is not helped by being asked more often.
constexpr Duration kRecoverInterval = std::chrono::seconds(1);
// The alert of the failure itself is not limited; this one says that it still lasts.
constexpr Duration kRecoverLogInterval = std::chrono::minutes(1);

}  // namespace

GroupCommit::GroupCommit(Journal& journal, std::size_t pending_bytes_max, Reservoir::Parts parts)
    : journal_(journal),
      parts_(parts),
      appended_total_(parts.metrics.counter("reservoir_appended_total", "Records made durable.")),
      flushes_total_(parts.metrics.counter("reservoir_flushes_total", "Writes with a sync, of one batch each.")),
      flush_seconds_(parts.metrics.histogram("reservoir_flush_seconds", "How long one of them took.",
                                             {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5})),
      recover_log_(kRecoverLogInterval),
      pending_bytes_max_(pending_bytes_max),
      room_(pending_bytes_max) {}

Result<void> GroupCommit::start() {
  group_.go([this](Context& ctx) { run(ctx); });
  return group_.context().check();
}

Error GroupCommit::not_writable(std::string detail) {
  return Error(Code::kUnavailable, std::move(detail)).because("not-writable");
}

Result<Position> GroupCommit::append(Context& ctx, const RecordView& record) {
  const std::size_t bytes = frame_bytes(record.keys, record.payload.size());
  const std::size_t share = std::min(bytes, pending_bytes_max_);  // a record beyond the limit waits until it is alone
  SLUICE_TRY(room_.acquire(ctx, share));
  pending_bytes_.fetch_add(bytes, std::memory_order_relaxed);  // relaxed: see pending_bytes_
  Waiting waiting{record, fail(Code::kInternal, "not written"), {}};
  waiting.done.add();
  {
    std::lock_guard hold(mutex_);
    gathering_.push_back(&waiting);
  }
  bool ring = true;
  static_cast<void>(bell_.try_send(ring));  // full: it rings already
  static_cast<void>(waiting.done.wait(patient_));  // nobody cancels patient_
  pending_bytes_.fetch_sub(bytes, std::memory_order_relaxed);  // relaxed: see pending_bytes_
  room_.release(share);
  return std::move(waiting.result);
}

std::uint64_t GroupCommit::pending_bytes() const noexcept {
  return pending_bytes_.load(std::memory_order_relaxed);  // relaxed: see pending_bytes_
}

Result<void> GroupCommit::close() {
  group_.context().cancel();
  SLUICE_TRY(group_.wait());
  return journal_.end(patient_);
}

/// The committer: the only fiber that writes to the journal.
void GroupCommit::run(Context& ctx) {
  Deadline next_try;
  while (!ctx.is_cancelled()) {
    if (journal_.is_writable())
      next_try = Deadline();
    else if (next_try.is_never())
      next_try = Deadline::after(runtime_clock(), kRecoverInterval);
    // Not left to the wait below: a bell that rings all the time would keep it from ever being late.
    if (next_try.when() <= runtime_clock().now()) {
      recover();
      next_try = Deadline();
      continue;
    }
    Context until_next_try{ctx, next_try};
    if (bell_.recv(until_next_try)) flush(take_batch());
  }
}

GroupCommit::Batch GroupCommit::take_batch() {
  std::lock_guard hold(mutex_);
  return std::exchange(gathering_, {});
}

void GroupCommit::flush(const Batch& batch) {
  if (batch.empty()) return;  // taken with the one before, which rang as well
  auto first = journal_.is_writable() ? write(batch) : fail(not_writable());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (first)
      batch[i]->result = *first + i;
    else
      batch[i]->result = fail(first.error());
    batch[i]->done.done();  // it may be gone now
  }
}

Result<Position> GroupCommit::write(const Batch& batch) {
  records_.clear();
  for (const Waiting* waiting : batch) records_.push_back(waiting->record);
  const Instant begin = parts_.clock.now();
  auto first = journal_.append(patient_, records_);
  flush_seconds_.observe(std::chrono::duration<double>(parts_.clock.now() - begin).count());
  flushes_total_.add();
  if (first) {
    appended_total_.add(batch.size());
    return first;
  }
  parts_.log.alert("journal: a write failed; nothing is accepted until a new segment can be made",
                   {{"error", first.error().describe()}, {"records", batch.size()}});
  return fail(not_writable(std::string(first.error().detail())));
}

void GroupCommit::recover() {
  auto renewed = journal_.renew(patient_);
  if (renewed) {
    parts_.log.alert("journal: writable again, in a new segment", {{"position", journal_.durable() + 1}});
  } else if (auto held_back = recover_log_.pass(parts_.clock.now())) {
    parts_.log.alert("journal: still not writable", {{"error", renewed.error().describe()}, {"held_back", *held_back}});
  }
}

}  // namespace sluice::reservoir::internal
