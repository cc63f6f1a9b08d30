// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::internal {

/// Guards the runtime's own structures for some tens of instructions. It stops the thread, not the fiber: while it is held
/// nothing parks, allocates much, or calls foreign code. Satisfies BasicLockable. Four bytes: 0 free, 1 held.
/// Waiting is spinning, for the holder is gone soon unless the kernel took its processor away; then it is naps. Nobody
/// wakes a napper: to learn of one, unlock would have to be a locked instruction, and on most paths through the runtime
/// that is a tenth of all the time there is (docs/performance.md).
/// Threads: any, also those that run no fiber. Source: test-and-test-and-set, L. Rudolph and Z. Segall, 1984.
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
    word_.store(0, std::memory_order_release);
  }

 private:
  void lock_slow() noexcept;

  std::atomic<std::uint32_t> word_{0};  // written by whoever locks and unlocks; publishes what the lock guards
};

}  // namespace sluice::internal
