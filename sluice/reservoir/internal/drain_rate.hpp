// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include <sluice/base/clock.hpp>

namespace sluice::reservoir::internal {

/// How fast the reservoir has lately been drained, and so how long a refused client should wait.
/// An average that forgets: what happened kForget ago counts 1/e. Time in which there was nothing to drain does not count;
/// time in which nothing came out although there was something does, at every question.
/// Threads: as guarded by its owner.
class DrainRate {
 public:
  /// A minute's history: a pause of the database shows within seconds, one slow transaction does not.
  static constexpr Duration kForget = std::chrono::seconds(60);
  /// RFC 9110 counts whole seconds; sooner makes no sense.
  static constexpr Duration kWaitMin = std::chrono::seconds(1);
  /// Longer, and a client would sleep through the recovery.
  static constexpr Duration kWaitMax = std::chrono::minutes(10);
  /// While nothing has been drained yet: a start takes some seconds.
  static constexpr Duration kWaitUnknown = std::chrono::seconds(10);

  /// There is something to drain, again.
  void begin(Instant now) noexcept { since_ = now; }
  /// So many bytes have come out since the last call of either. `is_empty`: nothing is left.
  void drained(std::uint64_t bytes, bool is_empty, Instant now) noexcept;
  /// How long so many bytes will take, within [kWaitMin, kWaitMax].
  [[nodiscard]] Duration time_for(std::uint64_t bytes, Instant now) const noexcept;

 private:
  std::optional<Instant> since_;  // not yet counted; nothing while there is nothing to drain
  double bytes_ = 0;              // decayed sums: their quotient is the rate
  double seconds_ = 0;
};

}  // namespace sluice::reservoir::internal
