// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <optional>
#include <string_view>

#include <sluice/base/clock.hpp>

namespace sluice::governance {

/// How busy the processors are that we may use, 0 to 1000, smoothed as go-zero smooths it: each sample counts a twentieth.
///
///   CpuLoad load;
///   load.add(clock.now(), used, allowed);      // every kSampleEvery: see service/cpu_load.hpp
///   Shedder shedder(clock.now(), 900, [&] { return load.permille(); });
///
/// Threads: add() by one at a time, permille() by any.
class CpuLoad {
 public:
  static constexpr Duration kSampleEvery = std::chrono::milliseconds(250);

  /// `used`: processor time of all that share our quota, since some moment. `allowed`: how many processors we may use at
  /// once; fractions are fine. The first sample only sets the mark.
  void add(Instant now, Duration used, double allowed) noexcept;
  /// Nothing can be read: nobody is called busy for that. The next sample sets a new mark.
  void forget() noexcept;

  [[nodiscard]] int permille() const noexcept {
    return permille_.load(std::memory_order_relaxed);  // relaxed: a number by itself
  }

 private:
  struct Mark {
    Instant when;
    Duration used;
  };
  std::optional<Mark> last_;      // by whoever adds
  std::atomic<int> permille_{0};  // written by whoever adds, read by all
};

// What Linux says, as text.

/// Of cgroup v2's cpu.stat: usage_usec. Nothing if it is not there.
[[nodiscard]] std::optional<Duration> parse_cpu_stat(std::string_view text) noexcept;
/// Of cgroup v2's cpu.max, "150000 100000": 1.5 processors. Nothing for "max", or if it is malformed.
[[nodiscard]] std::optional<double> parse_cpu_max(std::string_view text) noexcept;
/// A list of processors, "0-3,8": five. Nothing if it is malformed or empty.
[[nodiscard]] std::optional<int> count_cpus(std::string_view list) noexcept;

}  // namespace sluice::governance
