// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>

#include <sluice/base/result.hpp>
#include <sluice/runtime/internal/biased_lock.hpp>
#include <sluice/runtime/internal/lock_watch.hpp>
#include <sluice/runtime/internal/wait_queue.hpp>
#include <sluice/runtime/lock_rank.hpp>

namespace sluice {

/// Protects what several fibers change. For short sections in which nothing parks; share by sending for the rest.
///
///   std::lock_guard hold(mutex_);
///
/// lock() needs no Context: a section is short, so waiting for it is. For the one that is not, against this advice:
///
///   SLUICE_TRY(mutex_.lock(ctx));
///   std::lock_guard hold(mutex_, std::adopt_lock);
///
/// Not recursive. Several at a time are taken in the order of their ranks: lock_rank.hpp. A waiter that has lost the race
/// for the lock once gets it handed over, so nobody starves. Threads: fibers only. What the last holder did is visible to
/// the next one. Lifetime: outlives all calls, unlock() too: that the lock is free does not yet
/// mean that its last holder has left it.
class Mutex {
 public:
  explicit Mutex(LockRank rank = LockRank::kLeaf) noexcept : watch_(rank) {}
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  /// Parks while another fiber holds it.
  void lock();
  /// The cause of ctx if that ends first; then it is not locked.
  [[nodiscard]] Result<void> lock(Context& ctx);
  /// Requires: locked, by the calling fiber.
  void unlock();
  [[nodiscard]] bool try_lock() noexcept;

 private:
  // relaxed, both: lock_ orders it, and without it it is a hint.
  [[nodiscard]] bool is_held() const noexcept { return is_held_.load(std::memory_order_relaxed); }
  void set_held(bool held) noexcept { is_held_.store(held, std::memory_order_relaxed); }

  bool lock_if_free() noexcept;
  // Null ctx: cannot be cancelled. False: it has ended.
  bool lock_or_wait(Context* ctx);
  // Requires: lock_ held, which they release.
  bool lock_slowly(Context* ctx);
  void unlock_slowly();
  // For Cond, which holds a lock of its own meanwhile: unlock() may yield.
  friend class Cond;
  void unlock_and_stay();

  internal::BiasedLock lock_;
  std::atomic<bool> is_held_{false};  // written under lock_; read without it by who spins
  internal::WaitQueue waiters_;       // guarded by lock_
  [[no_unique_address]] internal::LockWatch watch_;
};

}  // namespace sluice
