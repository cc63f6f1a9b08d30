// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <sluice/base/clock.hpp>

namespace epro {

/// Where most of many durations lie, and how far out the slowest are, in memory that does not grow with their number.
///
///   latency.record(clock.now() - due);
///   latency.percentile(99.9);
///
/// Exact to the microsecond below 256 µs, else not more than 1/128 too high; never too low.
/// Threads: as any value. Source: the log-linear buckets of HdrHistogram (G. Tene), with a fixed precision.
class Histogram {
 public:
  /// Longer ones count as this one: some 19 hours.
  static constexpr sluice::Duration kLongest = std::chrono::microseconds((std::int64_t{1} << 36) - 1);

  Histogram();
  /// Requires: not negative.
  void record(sluice::Duration duration);

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// The longest one; zero if there is none.
  [[nodiscard]] sluice::Duration max() const noexcept { return max_; }
  /// What `percent` of the durations do not exceed; zero if there are none. Requires: 0 < percent <= 100.
  [[nodiscard]] sluice::Duration percentile(double percent) const;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  sluice::Duration max_{0};
};

}  // namespace epro
