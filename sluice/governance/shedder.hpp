// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

#include <sluice/base/clock.hpp>
#include <sluice/base/spin_lock.hpp>
#include <sluice/governance/rolling_window.hpp>

namespace sluice::governance {

/// Keeps a busy machine from collapsing: while the processors are busy beyond a threshold, no more calls are let in than the
/// last seconds have shown it to carry. Below the threshold it lets all through.
///
///   if (!shedder.allow(clock.now())) return refuse();
///   ...
///   was_refused_further_in ? shedder.fail(now) : shedder.pass(now, now - began);
///
/// What it carries, by Little's law: the most calls that ended in a tenth of a second, times the shortest mean time that calls
/// took in one. Requires: each call that was allowed is told as one pass or one fail.
/// Threads: any. allow() takes no lock while the machine is not busy; pass() and fail() a spin lock for a few words.
/// Source: go-zero's adaptive shedder (contracts/go-zero.md §5.2), with its constants; in turn after TCP BBR.
class Shedder {
 public:
  static constexpr Duration kStretch = std::chrono::milliseconds(100);
  static constexpr std::size_t kStretches = 50;
  /// So long after it was busy, and has refused somebody, it goes on as if it were.
  static constexpr Duration kCoolingDown = std::chrono::seconds(1);
  static constexpr int kCpuMax = 1000;

  /// `cpu`: how busy the processors are now, 0 to 1000 (cpu_load.hpp); called at each call, by any thread.
  /// Requires: 0 < threshold < 1000.
  Shedder(Instant now, int threshold, std::function<int()> cpu);

  /// False: do not call.
  [[nodiscard]] bool allow(Instant now) noexcept;
  void pass(Instant now, Duration took) noexcept;
  void fail(Instant now) noexcept;

  /// Calls that were allowed and have not ended.
  [[nodiscard]] std::int64_t flying() const noexcept {
    return flying_.load(std::memory_order_relaxed);  // relaxed: a count by itself
  }

 private:
  struct Sums {
    std::uint32_t passes = 0;
    std::uint64_t took_ms = 0;
  };

  [[nodiscard]] bool is_hot(Instant now, int cpu) noexcept;
  [[nodiscard]] bool has_its_fill(Instant now, int cpu) noexcept;
  [[nodiscard]] double carries(Instant now) const noexcept;
  void land() noexcept;

  const int threshold_;
  const std::function<int()> cpu_;
  // Each written and read by any call; none publishes anything.
  std::atomic<std::int64_t> flying_{0};
  std::atomic<std::int64_t> overloaded_ns_{0};  // when it was busy the last time; 0: never
  std::atomic<bool> has_refused_{false};        // since then

  SpinLock lock_;
  RollingWindow<Sums, kStretches> window_;  // guarded by lock_
  double mean_flying_ = 0;                  // guarded by lock_; smoothed, so that a short crowd is no overload
};

}  // namespace sluice::governance
