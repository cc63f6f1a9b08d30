// SPDX-License-Identifier: MIT
#pragma once

#include <mutex>

#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/internal/wait_queue.hpp>
#include <sluice/runtime/mutex.hpp>

namespace sluice {

/// Lets fibers wait until what a Mutex protects has become what they want. Where a channel can say it, prefer that.
///
///   std::unique_lock hold(mutex_);
///   SLUICE_TRY(changed_.wait(ctx, hold, [&] { return !queue_.empty(); }));
///   ...                                     // elsewhere: change queue_ under mutex_, then changed_.signal()
///
/// Waiters are woken first come, first served, and only by signal(), broadcast() or the end of their context; but others
/// may have changed things back before a woken one has the mutex, so ask again, as the form with a predicate does.
/// Threads: fibers only. What X did before the signal() is visible to Y after the wait() that it ended.
/// Lifetime: outlives all waits (asserted). Source: Go's sync.Cond.
class Cond {
 public:
  Cond() = default;
  Cond(const Cond&) = delete;
  Cond& operator=(const Cond&) = delete;
  ~Cond();

  /// Unlocks, parks until it is woken, and locks again; no signal that is given once the mutex is free is missed.
  /// The cause of ctx if that ends first, with the mutex locked all the same; no signal is used up then.
  /// Requires: `hold` is locked, and all who wait at the same time hold the same mutex.
  Result<void> wait(Context& ctx, std::unique_lock<Mutex>& hold);
  /// Waits until is_met() is true, which is called with the mutex locked. The cause of ctx if that ends while it is not.
  template <class Predicate>
  Result<void> wait(Context& ctx, std::unique_lock<Mutex>& hold, Predicate is_met);

  /// Wakes the one that has waited longest, if there is one. The caller may hold the mutex or not.
  void signal();
  /// Wakes all who wait.
  void broadcast();

 private:
  internal::BiasedLock lock_;
  internal::WaitQueue waiters_;    // guarded by lock_
  const Mutex* mutex_ = nullptr;   // guarded by lock_; of those in waiters_
};

// ---- implementation ----

template <class Predicate>
Result<void> Cond::wait(Context& ctx, std::unique_lock<Mutex>& hold, Predicate is_met) {
  while (!is_met()) SLUICE_TRY(wait(ctx, hold));
  return {};
}

}  // namespace sluice
