// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/internal/wait_queue.hpp>
#include <sluice/runtime/internal/witness.hpp>

namespace sluice {

/// Counts what is still to be done, and lets fibers wait until nothing is. For fibers that one starts, TaskGroup is better.
/// Threads: fibers only. What X did before done() is visible to Y after the wait() that it let through. Lifetime: outlives all
/// calls; it may end when wait() has returned ok and nothing is added any more. Source: Go's sync.WaitGroup.
class WaitGroup {
 public:
  WaitGroup() = default;
  WaitGroup(const WaitGroup&) = delete;
  WaitGroup& operator=(const WaitGroup&) = delete;

  /// Requires: as in Go, what is added at zero is added before wait() is called; those who wait for what was counted before
  /// may go without waiting for this.
  void add(std::size_t count = 1);
  /// Requires: fewer calls than were added.
  void done();
  /// Parks until the count is zero; the cause of ctx if that ends first.
  Result<void> wait(Context& ctx);

 private:
  internal::BiasedLock lock_;
  std::size_t count_ = 0;        // guarded by lock_
  internal::WaitQueue waiters_;  // guarded by lock_
  [[no_unique_address]] internal::Witness done_at_{"it was done for the last time"};  // guarded by lock_
};

}  // namespace sluice
