// SPDX-License-Identifier: MIT
//
// Whoever comes by takes a free mutex, woken waiters or not: handing it over to a fiber that has yet to be scheduled would
// let it lie idle for that long (a convoy). A waiter that comes too late once asks for a hand-over; then it cannot lose.
//
// Rejected: a word of its own to lock by compare-exchange. While its users are fibers of one processor, lock_ costs no
// locked instruction, so both operations together cost less than one exchange; and if they are not, there is one each.
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
  lock_.lock();
  if (is_held()) return lock_slowly();
  set_held(true);
  lock_.unlock();
}

bool Mutex::try_lock() noexcept {
  if (is_held()) return false;
  lock_.lock();
  bool is_free = !is_held();
  if (is_free) set_held(true);
  lock_.unlock();
  return is_free;
}

void Mutex::unlock() {
  lock_.lock();
  SLUICE_ASSERT(is_held(), "a mutex is unlocked by its holder");
  if (!waiters_.is_empty()) return unlock_slowly();
  set_held(false);
  lock_.unlock();
  if (internal::Current* here = internal::current(); here != nullptr && here->processor != nullptr)
    internal::yield_if_asked(*here);
}

void Mutex::lock_slowly() {
  lock_.unlock();
  for (int spin = 0; spin < kSpins && internal::Scheduler::running().processor_count() > 1; ++spin) {
    if (try_lock()) return;
    internal::relax_processor();
  }
  for (bool has_lost = false;; has_lost = true) {
    lock_.lock();
    if (!is_held()) {
      set_held(true);
      lock_.unlock();
      return;
    }
    internal::Waiter waiter(&internal::this_fiber());
    waiter.has_lost = has_lost;
    has_lost ? waiters_.push_front(waiter) : waiters_.push_back(waiter);
    internal::wait_in_queue(waiters_, waiter, lock_, internal::ParkReason::kMutex, nullptr);
    if (waiter.served) return;  // handed over
  }
}

void Mutex::unlock_slowly() {
  internal::Waiter* waiter = waiters_.claim_front();
  bool is_handed_over = waiter != nullptr && waiter->has_lost;
  if (is_handed_over) waiter->served = true;
  set_held(is_handed_over);
  lock_.unlock();
  if (waiter != nullptr) internal::make_ready(*waiter->fiber);
}

}  // namespace sluice
