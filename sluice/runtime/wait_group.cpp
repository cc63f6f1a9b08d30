// SPDX-License-Identifier: MIT
#include <sluice/runtime/wait_group.hpp>

#include <mutex>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/park.hpp>

namespace sluice {

void WaitGroup::add(std::size_t count) {
  std::lock_guard hold(lock_);
  count_ += count;
}

void WaitGroup::done() {
  internal::Wakeups wakeups;
  {
    std::lock_guard hold(lock_);
    SLUICE_ASSERT(count_ > 0, "done() is called once for each that was added", done_at_.earlier());
    done_at_.remember();
    if (--count_ == 0)
      while (waiters_.claim_front(wakeups) != nullptr) {}
  }
  wakeups.run();
}

Result<void> WaitGroup::wait(Context& ctx) {
  lock_.lock();
  if (count_ == 0) {
    lock_.unlock();
    return {};
  }
  internal::Fiber& self = internal::this_fiber();
  auto& waiter = self.emplace_wait<internal::Waiter>(&self);
  waiters_.push_back(waiter);
  if (!internal::wait_in_queue(waiters_, waiter, lock_, internal::ParkReason::kWaitGroup, &ctx)) return ctx.check();
  std::lock_guard let_done_leave(lock_);  // the caller may destroy us now
  return {};
}

}  // namespace sluice
