// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/internal/wait_queue.hpp>

namespace sluice {

/// Lets at most so many units be in use at a time. First come, first served: a large request is not overtaken.
///
///   SLUICE_TRY(connections_.acquire(ctx));
///   ...                                    // connections_.release()
///
/// Threads: fibers only. What X did before release() is visible to Y after the acquire() or try_acquire() that got those
/// units. Lifetime: outlives all calls. Source: Go's golang.org/x/sync/semaphore.
class Semaphore {
 public:
  explicit Semaphore(std::size_t units) : free_(units) {}
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  /// Parks until `units` are free and takes them; the cause of ctx if that ends first, or has ended, and then none is taken.
  /// No number is refused, for release() may make new units: a request for more than there will ever be stops all behind it
  /// until its ctx ends. Go's knows its size, and lets the others pass.
  Result<void> acquire(Context& ctx, std::size_t units = 1);
  /// False: not so many are free, or others wait for them. Never parks.
  [[nodiscard]] bool try_acquire(std::size_t units = 1);
  /// Never parks. Units that nobody took are new ones: a semaphore that begins with none hands over permits.
  void release(std::size_t units = 1);

 private:
  internal::BiasedLock lock_;
  std::size_t free_;             // guarded by lock_
  internal::WaitQueue waiters_;  // guarded by lock_
};

}  // namespace sluice
