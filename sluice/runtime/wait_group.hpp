// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/internal/wait_queue.hpp>

namespace sluice {

/// Counts what is still to be done, and lets fibers wait until nothing is. For fibers that one starts, TaskGroup is better.
/// Threads: fibers only. What X did before done() is visible to Y after its wait(). Lifetime: outlives all calls.
class WaitGroup {
 public:
  WaitGroup() = default;
  WaitGroup(const WaitGroup&) = delete;
  WaitGroup& operator=(const WaitGroup&) = delete;

  /// Requires: as in Go, not at zero while somebody waits.
  void add(std::size_t count = 1);
  /// Requires: fewer calls than were added.
  void done();
  /// Parks until the count is zero; the cause of ctx if that ends first.
  Result<void> wait(Context& ctx);

 private:
  internal::BiasedLock lock_;
  std::size_t count_ = 0;        // guarded by lock_
  internal::WaitQueue waiters_;  // guarded by lock_
};

}  // namespace sluice
