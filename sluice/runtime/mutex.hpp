// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>

#include <sluice/runtime/internal/biased_lock.hpp>
#include <sluice/runtime/internal/wait_queue.hpp>

namespace sluice {

/// Protects what several fibers change. For short sections in which nothing parks; share by sending for the rest.
///
///   std::lock_guard hold(mutex_);
///
/// lock() takes no Context: a section is short, so waiting for it is. Not recursive. A waiter that has lost the race for
/// the lock once gets it handed over, so nobody starves. Threads: fibers only. What the last holder did is visible to
/// the next one. Lifetime: outlives all calls, unlock() too: that the lock is free does not yet
/// mean that its last holder has left it.
class Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  /// Parks while another fiber holds it.
  void lock();
  /// Requires: locked.
  void unlock();
  [[nodiscard]] bool try_lock() noexcept;

 private:
  // relaxed, both: lock_ orders it, and without it it is a hint.
  [[nodiscard]] bool is_held() const noexcept { return is_held_.load(std::memory_order_relaxed); }
  void set_held(bool held) noexcept { is_held_.store(held, std::memory_order_relaxed); }

  // Requires: lock_ held, which they release.
  void lock_slowly();
  void unlock_slowly();

  internal::BiasedLock lock_;
  std::atomic<bool> is_held_{false};  // written under lock_; read without it by who spins
  internal::WaitQueue waiters_;       // guarded by lock_
};

}  // namespace sluice
