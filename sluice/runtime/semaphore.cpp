// SPDX-License-Identifier: MIT
#include <sluice/runtime/semaphore.hpp>

#include <mutex>

#include <sluice/runtime/internal/park.hpp>

namespace sluice {

Result<void> Semaphore::acquire(Context& ctx, std::size_t units) {
  if (ctx.is_cancelled()) return ctx.check();
  lock_.lock();
  if (waiters_.is_empty() && free_ >= units) {
    free_ -= units;
    lock_.unlock();
    return {};
  }
  internal::Waiter waiter(&internal::this_fiber());
  waiter.units = units;
  waiters_.push_back(waiter);
  if (internal::wait_in_queue(waiters_, waiter, lock_, internal::ParkReason::kSemaphore, &ctx)) return {};
  release(0);  // whoever stood behind us may fit now
  return ctx.check();
}

bool Semaphore::try_acquire(std::size_t units) {
  std::lock_guard hold(lock_);
  if (!waiters_.is_empty() || free_ < units) return false;
  free_ -= units;
  return true;
}

void Semaphore::release(std::size_t units) {
  internal::Wakeups wakeups;
  {
    std::lock_guard hold(lock_);
    free_ += units;
    while (internal::Waiter* first = waiters_.front()) {
      if (first->units > free_) break;
      // A waiter whose context ended leaves the queue here and takes nothing; the next one gets its chance.
      if (internal::Waiter* claimed = waiters_.claim_first(wakeups)) free_ -= claimed->units;
    }
  }
  wakeups.run();
}

}  // namespace sluice
