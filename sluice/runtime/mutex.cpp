// SPDX-License-Identifier: MIT
//
// state_:  0 free · kLocked · kLocked|kWaited · kWaited (free, and a woken waiter is on its way).
// Whoever comes by takes a free lock, woken waiters or not: handing it over to a fiber that has yet to be scheduled would
// let it lie idle for that long (a convoy). A waiter that comes too late once asks for a hand-over; then it cannot lose.
#include <sluice/runtime/mutex.hpp>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/futex.hpp>
#include <sluice/runtime/internal/park.hpp>

namespace sluice {
namespace {
// About the length of a short section on another processor; parking and waking costs ten times as much.
constexpr int kSpins = 20;
}  // namespace

void Mutex::lock() {
  std::uint32_t free = 0;
  // acquire: pairs with the release in unlock and unlock_slow.
  if (!state_.compare_exchange_strong(free, kLocked, std::memory_order_acquire)) lock_slow();
}

bool Mutex::try_lock() noexcept {
  std::uint32_t seen = state_.load(std::memory_order_relaxed);  // relaxed: the exchange decides
  while ((seen & kLocked) == 0)
    // acquire: as in lock.
    if (state_.compare_exchange_weak(seen, seen | kLocked, std::memory_order_acquire)) return true;
  return false;
}

void Mutex::unlock() {
  std::uint32_t locked = kLocked;
  // release: publishes the section to the next holder's acquire.
  if (!state_.compare_exchange_strong(locked, 0, std::memory_order_release)) unlock_slow();
}

void Mutex::lock_slow() {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (try_lock()) return;
    internal::relax_processor();
  }
  bool has_lost = false;
  for (;;) {
    lock_.lock();
    // From here an unlock cannot take its fast path, so it must come to lock_ and will find us.
    // acquire: if this finds the mutex free, it is our lock.
    if ((state_.fetch_or(kLocked | kWaited, std::memory_order_acquire) & kLocked) == 0) {
      if (waiters_.is_empty()) state_.store(kLocked, std::memory_order_relaxed);  // relaxed: we hold both locks
      lock_.unlock();
      return;
    }
    internal::Waiter waiter(&internal::this_fiber());
    waiter.has_lost = has_lost;
    has_lost ? waiters_.push_front(waiter) : waiters_.push_back(waiter);
    internal::wait_in_queue(waiters_, waiter, lock_, internal::ParkReason::kMutex, nullptr);
    if (waiter.served) return;  // handed over
    has_lost = true;
  }
}

void Mutex::unlock_slow() {
  internal::Wakeups wakeups;
  lock_.lock();
  SLUICE_ASSERT((state_.load(std::memory_order_relaxed) & kLocked) != 0, "a mutex is unlocked by its holder");  // ours
  internal::Waiter* waiter = waiters_.claim_front(wakeups);
  std::uint32_t waited = waiters_.is_empty() ? 0 : kWaited;
  bool is_handed_over = waiter != nullptr && waiter->has_lost;
  if (is_handed_over) waiter->served = true;
  // release: as in unlock; one to whom it is handed over also synchronizes through its wake-up.
  state_.store(waited | (is_handed_over ? kLocked : 0), std::memory_order_release);
  lock_.unlock();
  wakeups.run();
}

}  // namespace sluice
