// SPDX-License-Identifier: MIT
//
// While nobody waits, word_ alone decides, by compare-exchange. kWaited stops that: it makes each such exchange fail, so
// whoever holds lock_ and has set it owns the word. It is set while somebody waits,
// and after a reader has given up, until the writer leaves.
// The lock is always handed over, never dropped for who comes first: that is what gives the order that the header promises.
// A writer whose context ends while it waits has kept readers out: see stop_waiting_to_write.
#include <sluice/runtime/rw_mutex.hpp>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/park.hpp>

namespace sluice {

void RwMutex::lock() {
  watch_.wants();
  if (!take()) static_cast<void>(lock_slow(nullptr));  // without a context nothing else can end it
  watch_.has_taken();
}

Result<void> RwMutex::lock(Context& ctx) {
  if (ctx.is_cancelled()) return ctx.check();
  watch_.wants();
  if (!take() && !lock_slow(&ctx)) return ctx.check();
  watch_.has_taken();
  return {};
}

bool RwMutex::try_lock() noexcept {
  bool is_ours = take();
  if (is_ours) watch_.has_taken();
  return is_ours;
}

[[gnu::always_inline]] inline bool RwMutex::take() noexcept {
  std::uint32_t free = 0;
  // acquire: pairs with the release in unlock, unlock_shared and thaw; all earlier sections are visible in this one.
  return word_.compare_exchange_strong(free, kWriting, std::memory_order_acquire, std::memory_order_relaxed);
}

void RwMutex::unlock() {
  watch_.gives_back();
  std::uint32_t writing = kWriting;
  // release: publishes the section to the next holders' acquire.
  if (!word_.compare_exchange_strong(writing, 0, std::memory_order_release, std::memory_order_relaxed)) unlock_slow();
}

void RwMutex::lock_shared() {
  watch_.wants();
  if (!take_shared()) static_cast<void>(lock_shared_slow(nullptr));  // as in lock
  watch_.has_taken(internal::Hold::kShared);
}

Result<void> RwMutex::lock_shared(Context& ctx) {
  if (ctx.is_cancelled()) return ctx.check();
  watch_.wants();
  if (!take_shared() && !lock_shared_slow(&ctx)) return ctx.check();
  watch_.has_taken(internal::Hold::kShared);
  return {};
}

bool RwMutex::try_lock_shared() noexcept {
  bool is_ours = take_shared();
  if (is_ours) watch_.has_taken(internal::Hold::kShared);
  return is_ours;
}

[[gnu::always_inline]] inline bool RwMutex::take_shared() noexcept {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);  // relaxed: the exchange decides
  while ((seen & (kWaited | kWriting)) == 0)
    // acquire: pairs with the writer's release; what other readers did in between is part of its release sequence.
    if (word_.compare_exchange_weak(seen, seen + kReader, std::memory_order_acquire, std::memory_order_relaxed)) return true;
  return false;
}

void RwMutex::unlock_shared() {
  watch_.gives_back(internal::Hold::kShared);
  std::uint32_t seen = word_.load(std::memory_order_relaxed);  // relaxed: the exchange decides
  while ((seen & kWaited) == 0) {
    SLUICE_ASSERT(seen >= kReader, "an rw mutex is unlocked by one of its readers", watch_.past());
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

bool RwMutex::lock_slow(Context* ctx) {
  if (std::uint32_t holders = freeze(); holders == 0) {  // it has become free meanwhile
    thaw(kWriting);
    return true;
  }
  internal::Waiter waiter(&internal::this_fiber());
  writers_.push_back(waiter);
  if (internal::wait_in_queue(writers_, waiter, lock_, internal::ParkReason::kRwMutexWrite, ctx)) return true;
  stop_waiting_to_write();
  return false;
}

bool RwMutex::lock_shared_slow(Context* ctx) {
  std::uint32_t holders = freeze();
  if ((holders & kWriting) == 0 && writers_.is_empty()) {  // the writer has left meanwhile
    thaw(holders + kReader);
    return true;
  }
  internal::Waiter waiter(&internal::this_fiber());
  readers_.push_back(waiter);
  // Who gives up has nobody behind him: nobody waits for a reader but those who wait for the writer as well.
  return internal::wait_in_queue(readers_, waiter, lock_, internal::ParkReason::kRwMutexRead, ctx);
}

// Returns who holds the mutex then.
std::uint32_t RwMutex::let_readers_in(std::uint32_t holders, internal::Wakeups& wakeups) noexcept {
  while (readers_.claim_front(wakeups) != nullptr) holders += kReader;
  return holders;
}

// After a writer's wait that the context ended: readers who waited only for him come in beside those who read, and if nobody
// waits any more, kWaited goes.
void RwMutex::stop_waiting_to_write() {
  internal::Wakeups wakeups;
  std::uint32_t holders = freeze();
  if ((holders & kWriting) == 0 && writers_.is_empty()) holders = let_readers_in(holders, wakeups);
  thaw(holders);
  wakeups.run();
}

void RwMutex::unlock_slow() {
  internal::Wakeups wakeups;
  std::uint32_t holders = freeze();
  SLUICE_ASSERT(holders == kWriting, "an rw mutex is unlocked by its writer", watch_.past());
  holders = let_readers_in(0, wakeups);
  if (holders == 0 && writers_.claim_front(wakeups) != nullptr) holders = kWriting;
  thaw(holders);
  wakeups.run();
}

void RwMutex::unlock_shared_slow() {
  internal::Wakeups wakeups;
  std::uint32_t holders = freeze();
  SLUICE_ASSERT(holders >= kReader, "an rw mutex is unlocked by one of its readers", watch_.past());
  holders -= kReader;
  // Without a writer, for all who waited may just have given up, the readers behind them come in.
  if (holders == 0) holders = writers_.claim_front(wakeups) != nullptr ? kWriting : let_readers_in(0, wakeups);
  thaw(holders);
  wakeups.run();
}

}  // namespace sluice
