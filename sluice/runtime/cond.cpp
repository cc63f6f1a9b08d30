// SPDX-License-Identifier: MIT
#include <sluice/runtime/cond.hpp>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/park.hpp>
#include <sluice/runtime/internal/witness.hpp>

namespace sluice {

Cond::~Cond() {
  SLUICE_ASSERT(waiters_.is_empty(), "a cond outlives those who wait for it", internal::where_it_waits(waiters_.front()));
}

Result<void> Cond::wait(Context& ctx, std::unique_lock<Mutex>& hold) {
  SLUICE_ASSERT(hold.owns_lock(), "who waits for a cond holds its mutex");
  if (ctx.is_cancelled()) return ctx.check();
  internal::Waiter waiter(&internal::this_fiber());
  lock_.lock();
  SLUICE_ASSERT(waiters_.is_empty() || mutex_ == hold.mutex(), "all who wait for a cond hold the same mutex",
                internal::where_it_waits(waiters_.front()));
  mutex_ = hold.mutex();
  waiters_.push_back(waiter);
  // Under lock_, which who signals must take: so nobody can change things and signal between our unlocking and our wait.
  // The mutex never takes lock_, so the order of the two is always this one.
  Mutex& mutex = *hold.release();
  mutex.unlock_and_stay();
  bool is_signalled = internal::wait_in_queue(waiters_, waiter, lock_, internal::ParkReason::kCond, &ctx);
  hold = std::unique_lock(mutex);
  if (is_signalled) return {};  // and if ctx has ended since: the signal was ours, to drop it would lose it
  return ctx.check();
}

void Cond::signal() {
  internal::Wakeups wakeups;
  {
    std::lock_guard hold(lock_);
    waiters_.claim_front(wakeups);  // passes over those whose context has ended
  }
  wakeups.run();
}

void Cond::broadcast() {
  internal::Wakeups wakeups;
  {
    std::lock_guard hold(lock_);
    while (waiters_.claim_front(wakeups) != nullptr) {}
  }
  wakeups.run();
}

}  // namespace sluice
