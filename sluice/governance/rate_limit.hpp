// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>

namespace sluice::governance {

/// "Two a second, five at once": how often something may happen.
struct RateLimit {
  /// How fast tokens come back; fractions are fine (0.1 is one in ten seconds). At most kPerSecondMax.
  double per_second = 0;
  /// How many are kept while nobody asks, hence how many may go at once; at least 1.
  std::uint32_t burst = 0;

  // One token a nanosecond: nothing can be told apart below.
  static constexpr double kPerSecondMax = 1e9;
  // An empty bucket is full again within this; it keeps the arithmetic within 64 bits.
  static constexpr std::chrono::days kRefillMax{365};

  /// kInvalidArgument, at "per_second" or "burst": not a number, not above zero, or beyond the limits above. Call it
  /// where a limit comes from configuration; code that takes a RateLimit requires it to be ok.
  [[nodiscard]] Result<void> check() const;
  friend bool operator==(const RateLimit&, const RateLimit&) noexcept = default;
};

/// What a limiter says, in the terms of `429`, `Retry-After` and the RateLimit header fields. Round durations up when
/// they become whole seconds: whoever comes back at retry_after, and alone, is allowed.
struct Decision {
  bool allowed = false;
  Duration retry_after{0};      ///< zero if allowed; kNever if no wait would help
  std::uint32_t remaining = 0;  ///< how many more would be allowed right now
  Duration reset_after{0};      ///< until the whole burst is available again

  static constexpr Duration kNever = Duration::max();
  friend bool operator==(const Decision&, const Decision&) noexcept = default;
};

}  // namespace sluice::governance
