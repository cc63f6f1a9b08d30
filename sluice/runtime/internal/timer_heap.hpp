// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <sluice/base/clock.hpp>
#include <sluice/runtime/internal/word_lock.hpp>

namespace sluice::internal {

class TimerHeap;

/// Calls a function at an instant. Lives where its user lives, who starts it once and stops it before it dies, whether or
/// not it has fired: only stop() knows that the function is not running any more.
struct Timer {
  /// Runs on a scheduler's thread with the heap's lock held: it may claim fibers, cancel contexts and make fibers
  /// runnable; it must not park and must not start or stop timers.
  void (*fire)(Timer* self) noexcept = nullptr;

  Instant when;
  TimerHeap* heap = nullptr;  // written by its user alone: from add() until stop(), also after it has fired
  std::size_t index = 0;      // guarded by the heap's lock; kFired when out of it
};

/// The timers of one processor, soonest first: a heap with four children a node, for half the levels of a binary one.
/// Threads: any; adding is meant for the processor's own thread, firing for whoever finds it due.
/// Lifetime: outlives its timers.
class TimerHeap {
 public:
  /// Requires: not started.
  void add(Timer& timer, Instant when);
  /// Calls what is due at `now`; how many those were.
  std::size_t fire_due(Instant now) noexcept;
  /// The soonest; Instant::max() if there is none. Stale when you read it.
  [[nodiscard]] Instant next_approx() const noexcept {
    // relaxed: whoever acts on it looks again under the lock.
    return Instant(Duration(next_ns_.load(std::memory_order_relaxed)));
  }

  /// Afterwards the timer's function is neither running nor will be called. Fine if it has fired or was never started.
  static void stop(Timer& timer) noexcept;

 private:
  static constexpr std::size_t kFired = static_cast<std::size_t>(-1);

  void remove_unlocked(Timer& timer) noexcept;
  void sift_up(std::size_t index) noexcept;
  void sift_down(std::size_t index) noexcept;
  void place(std::size_t index, Timer* timer) noexcept;
  void publish_next() noexcept;

  WordLock lock_;
  std::vector<Timer*> heap_;  // guarded by lock_
  std::atomic<std::int64_t> next_ns_{Instant::max().time_since_epoch().count()};  // written under lock_, read by all
};

}  // namespace sluice::internal
