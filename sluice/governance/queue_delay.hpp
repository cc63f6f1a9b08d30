// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include <sluice/base/clock.hpp>

namespace sluice::governance {

/// Tells a queue that absorbs a crowd from one that only makes everybody late. A crowd's queue is empty now and then; if for
/// `interval` nobody at all was served without waiting longer than `target`, more comes than can be served. Then whoever has
/// waited for more than twice `target` is refused, which is cheap, so that those who have just come are served in time:
/// their clients still wait for the answer. It is over after an interval in which somebody did not wait and nobody was refused:
/// by the first alone, one gap between two arrivals would end it ten times a second (simulated in the test).
///
///   if (!delay.admit(clock.now(), clock.now() - request.arrived())) return refuse();
///
/// Threads: any; while nobody waits, two loads.
/// Source: CoDel (Nichols, Jacobson, ACM Queue 2012) as B. Maurer uses it for requests ("Fail at Scale", ACM Queue 2015).
class QueueDelay {
 public:
  /// Longer than Facebook's 5 and 100 ms: whoever sends a report can wait for a tenth of a second, and a crowd that is through
  /// within half a second is none. Requests may take 10 ms of a processor each before any is refused at 70 % of the load.
  struct Options {
    Duration target = std::chrono::milliseconds(15);
    Duration interval = std::chrono::milliseconds(500);
  };

  QueueDelay() noexcept : QueueDelay(Options()) {}
  /// Requires: both above zero.
  explicit QueueDelay(Options options) noexcept;

  /// Whether to serve somebody whose turn comes at `now`, after he has `waited`.
  [[nodiscard]] bool admit(Instant now, Duration waited) noexcept;
  /// What the last whole interval has shown.
  [[nodiscard]] bool is_overloaded() const noexcept {
    return is_overloaded_.load(std::memory_order_relaxed);  // relaxed: a fact by itself
  }

 private:
  void note(Duration waited) noexcept;

  const Options options_;
  // Each written by any call; each says something by itself and publishes nothing.
  std::atomic<std::int64_t> ends_ns_{0};      // of the current interval
  std::atomic<std::int64_t> shortest_ns_{0};  // wait in it so far
  std::atomic<bool> has_refused_{false};      // in it so far
  std::atomic<bool> is_overloaded_{false};
};

}  // namespace sluice::governance
