// SPDX-License-Identifier: MIT
#pragma once

#include <sched.h>

#include <atomic>

namespace sluice {

/// Guards a few words for a few instructions where neither a fiber nor a thread may be put to sleep.
///
///   std::lock_guard hold(lock_);
///
/// While it is held nothing parks, blocks, or calls code that its user does not know. Not recursive, not fair.
/// Threads: any, with or without fibers. What the last holder did is visible to the next one. One byte.
/// Source: test-and-test-and-set, L. Rudolph and Z. Segall, 1984.
class SpinLock {
 public:
  SpinLock() = default;
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;

  void lock() noexcept;
  [[nodiscard]] bool try_lock() noexcept;
  /// Requires: locked by the caller.
  void unlock() noexcept;

 private:
  // A holder that runs is gone within some tens of rounds. One that is not gone by then has lost its processor to
  // somebody, most likely to us.
  static constexpr int kRoundsBeforeYield = 100;

  static void relax() noexcept;

  std::atomic<bool> locked_{false};  // written by whoever locks and unlocks; publishes what the lock guards
};

// ---- implementation ----

inline bool SpinLock::try_lock() noexcept {
  // acquire: pairs with the release in unlock; we see what the last holder did.
  return !locked_.exchange(true, std::memory_order_acquire);
}

inline void SpinLock::lock() noexcept {
  for (int round = 0; !try_lock();) {
    // relaxed: only a hint that trying again may help; try_lock gives the ordering. Reading keeps the cache line shared
    // among those who wait, where an exchange would pull it from one to the next.
    while (locked_.load(std::memory_order_relaxed)) {
      if (++round < kRoundsBeforeYield) {
        relax();
      } else {
        ::sched_yield();
        round = 0;
      }
    }
  }
}

inline void SpinLock::unlock() noexcept {
  // release: pairs with the acquire in try_lock; the next holder sees what we did.
  locked_.store(false, std::memory_order_release);
}

inline void SpinLock::relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace sluice
