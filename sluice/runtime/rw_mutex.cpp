// SPDX-License-Identifier: MIT
//
// While nobody waits, word_ alone decides, by compare-exchange. kWaited stops that: it makes each such exchange fail, so
// whoever holds lock_ and has set it owns the word. It is set exactly while somebody waits.
// The lock is always handed over, never dropped for who comes first: that is what gives the order that the header promises.
// Waiters follow no context, so each claim of one succeeds.
#include <sluice/runtime/rw_mutex.hpp>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/park.hpp>

namespace sluice {

void RwMutex::lock() {
  if (!try_lock()) lock_slow();
}

bool RwMutex::try_lock() noexcept {
  std::uint32_t free = 0;
  // acquire: pairs with the release in unlock, unlock_shared and thaw; all earlier sections are visible in this one.
  return word_.compare_exchange_strong(free, kWriting, std::memory_order_acquire, std::memory_order_relaxed);
}

void RwMutex::unlock() {
  std::uint32_t writing = kWriting;
  // release: publishes the section to the next holders' acquire.
  if (!word_.compare_exchange_strong(writing, 0, std::memory_order_release, std::memory_order_relaxed)) unlock_slow();
}

void RwMutex::lock_shared() {
  if (!try_lock_shared()) lock_shared_slow();
}

bool RwMutex::try_lock_shared() noexcept {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);  // relaxed: the exchange decides
  while ((seen & (kWaited | kWriting)) == 0)
    // acquire: pairs with the writer's release; what other readers did in between is part of its release sequence.
    if (word_.compare_exchange_weak(seen, seen + kReader, std::memory_order_acquire, std::memory_order_relaxed)) return true;
  return false;
}

void RwMutex::unlock_shared() {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);  // relaxed: the exchange decides
  while ((seen & kWaited) == 0) {
    SLUICE_ASSERT(seen >= kReader, "an rw mutex is unlocked by one of its readers");
    // release: the next writer, who finds no reader left, sees what each of them did.
    if (word_.compare_exchange_weak(seen, seen - kReader, std::memory_order_release, std::memory_order_relaxed)) return;
  }
  unlock_shared_slow();
}

// Takes lock_ and the word; returns who holds the mutex.
std::uint32_t RwMutex::freeze() noexcept {
  lock_.lock();
  // acquire: if this finds the mutex free, it is ours, as in try_lock.
  return word_.fetch_or(kWaited, std::memory_order_acquire) & ~kWaited;
}

void RwMutex::thaw(std::uint32_t holders) noexcept {
  bool is_waited = !readers_.is_empty() || !writers_.is_empty();
  // release: pairs with every acquire above, on behalf of a section that has just ended.
  word_.store(is_waited ? holders | kWaited : holders, std::memory_order_release);
  lock_.unlock();
}

void RwMutex::lock_slow() {
  if (std::uint32_t holders = freeze(); holders == 0) return thaw(kWriting);  // it has become free meanwhile
  internal::Waiter waiter(&internal::this_fiber());
  writers_.push_back(waiter);
  internal::wait_in_queue(writers_, waiter, lock_, internal::ParkReason::kRwMutexWrite, nullptr);
}

void RwMutex::lock_shared_slow() {
  std::uint32_t holders = freeze();
  if ((holders & kWriting) == 0 && writers_.is_empty()) return thaw(holders + kReader);  // the writer has left meanwhile
  internal::Waiter waiter(&internal::this_fiber());
  readers_.push_back(waiter);
  internal::wait_in_queue(readers_, waiter, lock_, internal::ParkReason::kRwMutexRead, nullptr);
}

void RwMutex::unlock_slow() {
  internal::Wakeups wakeups;
  std::uint32_t holders = freeze();
  SLUICE_ASSERT(holders == kWriting, "an rw mutex is unlocked by its writer");
  holders = 0;
  while (readers_.claim_front(wakeups) != nullptr) holders += kReader;
  if (holders == 0 && writers_.claim_front(wakeups) != nullptr) holders = kWriting;
  thaw(holders);
  wakeups.run();
}

void RwMutex::unlock_shared_slow() {
  internal::Wakeups wakeups;
  std::uint32_t holders = freeze();
  SLUICE_ASSERT(holders >= kReader, "an rw mutex is unlocked by one of its readers");
  holders -= kReader;
  if (holders == 0 && writers_.claim_front(wakeups) != nullptr) holders = kWriting;
  thaw(holders);
  wakeups.run();
}

}  // namespace sluice
