// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::internal {

/// Guards the runtime's own structures for some tens of instructions. It stops the thread, not the fiber: while it is held
/// nothing parks, allocates much, or calls foreign code. Satisfies BasicLockable.
/// Four bytes: 0 free, 1 held, 2 held and somebody sleeps in the kernel. Spins briefly first: the holder is gone soon
/// unless the kernel took its processor away.
/// Threads: any, also those that run no fiber. Source: U. Drepper, "Futexes Are Tricky", mutex 3.
class WordLock {
 public:
  WordLock() = default;
  WordLock(const WordLock&) = delete;
  WordLock& operator=(const WordLock&) = delete;

  void lock() noexcept {
    std::uint32_t free = 0;
    // acquire: pairs with the release in unlock; we see what the last holder did.
    if (!word_.compare_exchange_strong(free, 1, std::memory_order_acquire)) lock_slow();
  }
  [[nodiscard]] bool try_lock() noexcept {
    std::uint32_t free = 0;
    return word_.compare_exchange_strong(free, 1, std::memory_order_acquire);  // as in lock
  }
  void unlock() noexcept {
    // release: pairs with the acquire in lock; the next holder sees what we did.
    if (word_.exchange(0, std::memory_order_release) == 2) wake_one();
  }

 private:
  void lock_slow() noexcept;
  void wake_one() noexcept;

  std::atomic<std::uint32_t> word_{0};  // written by whoever locks and unlocks; publishes what the lock guards
};

}  // namespace sluice::internal
