// SPDX-License-Identifier: MIT
#include <sluice/runtime/gate.hpp>

#include <mutex>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/park.hpp>

namespace sluice {

Gate::~Gate() {
  // relaxed: that the last one has left is known to who may destroy us, or it is the bug that this finds.
  SLUICE_ASSERT(word_.load(std::memory_order_relaxed) < kOne, "a gate outlives its passes");
}

Result<void> Gate::close(Context& ctx) {
  lock_.lock();
  // acquire: pairs with the release of all who left while it was open; those who leave later do so under lock_.
  if (word_.fetch_or(kClosed, std::memory_order_acquire) < kOne) {
    lock_.unlock();
    return {};
  }
  internal::Waiter waiter(&internal::this_fiber());
  closers_.push_back(waiter);
  if (!internal::wait_in_queue(closers_, waiter, lock_, internal::ParkReason::kGate, &ctx)) return ctx.check();
  return {};  // the caller may destroy us now: the last one had let go of lock_ before it woke us
}

void Gate::leave() noexcept {
  std::uint64_t seen = word_.load(std::memory_order_relaxed);  // relaxed: the exchange decides
  while ((seen & kClosed) == 0)
    // release: pairs with the acquire in close().
    if (word_.compare_exchange_weak(seen, seen - kOne, std::memory_order_release, std::memory_order_relaxed)) return;
  internal::Wakeups wakeups;
  {
    std::lock_guard hold(lock_);
    // relaxed: lock_ publishes it.
    if (word_.fetch_sub(kOne, std::memory_order_relaxed) < 2 * kOne)
      while (closers_.claim_front(wakeups) != nullptr) {}
  }
  wakeups.run();
}

}  // namespace sluice
