// SPDX-License-Identifier: MIT
//
// Whoever comes by takes a free mutex, woken waiters or not: handing it over to a fiber that has yet to be scheduled would
// let it lie idle for that long (a convoy). A waiter that comes too late once asks for a hand-over; then it cannot lose.
//
// Rejected: a word of its own to lock by compare-exchange. While its users are fibers of one processor, lock_ costs no
// locked instruction, so both operations together cost less than one exchange; and if they are not, there is one each.
#include <sluice/runtime/mutex.hpp>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/backoff.hpp>
#include <sluice/runtime/internal/park.hpp>

namespace sluice {
namespace {
// About the length of a short section on another processor; parking and waking costs ten times as much.
constexpr int kSpins = 20;
}  // namespace

void Mutex::lock() {
  watch_.wants();
  static_cast<void>(lock_or_wait(nullptr));  // without a context nothing else can end it
  watch_.has_taken();
}

Result<void> Mutex::lock(Context& ctx) {
  if (ctx.is_cancelled()) return ctx.check();
  watch_.wants();
  if (!lock_or_wait(&ctx)) return ctx.check();
  watch_.has_taken();
  return {};
}

bool Mutex::try_lock() noexcept {
  bool is_ours = lock_if_free();
  if (is_ours) watch_.has_taken();
  return is_ours;
}

[[gnu::always_inline]] inline bool Mutex::lock_or_wait(Context* ctx) {
  lock_.lock();
  if (is_held()) [[unlikely]]
    return lock_slowly(ctx);
  set_held(true);
  lock_.unlock();
  return true;
}

bool Mutex::lock_if_free() noexcept {
  if (is_held()) return false;
  lock_.lock();
  bool is_free = !is_held();
  if (is_free) set_held(true);
  lock_.unlock();
  return is_free;
}

void Mutex::unlock() {
  unlock_and_stay();
  if (internal::Current* here = internal::current(); here != nullptr && here->processor != nullptr)
    internal::yield_if_asked(*here);
}

void Mutex::unlock_and_stay() {
  lock_.lock();
  SLUICE_ASSERT(is_held(), "a mutex is unlocked by its holder", watch_.past());
  watch_.gives_back();
  if (!waiters_.is_empty()) return unlock_slowly();
  set_held(false);
  lock_.unlock();
}

bool Mutex::lock_slowly(Context* ctx) {
  lock_.unlock();
  internal::Backoff backoff;
  while (internal::Scheduler::running().processor_count() > 1 && backoff.pause(kSpins))
    if (lock_if_free()) return true;
  for (bool has_lost = false;; has_lost = true) {
    lock_.lock();
    if (!is_held()) {
      set_held(true);
      lock_.unlock();
      return true;
    }
    internal::Waiter waiter(&internal::this_fiber());
    waiter.has_lost = has_lost;
    has_lost ? waiters_.push_front(waiter) : waiters_.push_back(waiter);
    // Whose context ends has taken nothing: who woke him, if somebody did, left the mutex to whoever holds it now.
    if (!internal::wait_in_queue(waiters_, waiter, lock_, internal::ParkReason::kMutex, ctx)) return false;
    if (waiter.served) return true;  // handed over
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
