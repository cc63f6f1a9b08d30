// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

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
  static constexpr std::uint32_t kLocked = 1;
  static constexpr std::uint32_t kWaited = 2;  // somebody is in waiters_

  void lock_slow();
  void unlock_slow();

  // Holder's word. Written by lock and unlock; publishes what the section protects.
  std::atomic<std::uint32_t> state_{0};
  internal::BiasedLock lock_;
  internal::WaitQueue waiters_;  // guarded by lock_
};

}  // namespace sluice
