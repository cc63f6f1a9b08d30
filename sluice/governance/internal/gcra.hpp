// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <sluice/base/clock.hpp>
#include <sluice/governance/rate_limit.hpp>

namespace sluice::governance::internal {

/// The arithmetic of a token bucket, without the bucket: all state is one number, the instant at which the bucket will
/// be full again (the "theoretical arrival time" of GCRA). Taking a token moves it one interval later; it may lie at
/// most burst intervals ahead of now. Zero is a full bucket, whenever.
///
/// Instants are counted in ticks of 1/S ns since the clock's own beginning. S is the smallest of 1..32 for which the
/// interval between two tokens is a whole number of ticks: 2 a second has S = 1, 3 a second S = 3, and both are exact
/// for ever. A rate that fits none of them (997 a second) gets S = 32 and its interval rounded up: slower by less than
/// 1/32 ns a token, never faster.
/// Threads: a value; any.
class Gcra {
 public:
  struct Step {
    std::uint64_t full_at;
    Decision decision;
  };

  /// Requires: limit.check() is ok.
  explicit Gcra(RateLimit limit) noexcept;

  /// What becomes of a bucket when somebody wants n tokens of it at `now`. full_at stays the same if, and only if,
  /// nothing is taken.
  [[nodiscard]] Step take(std::uint64_t full_at, Instant now, std::uint32_t n) const noexcept;
  [[nodiscard]] bool is_full(std::uint64_t full_at, Instant now) const noexcept { return full_at <= ticks(now); }
  [[nodiscard]] const RateLimit& limit() const noexcept { return limit_; }

 private:
  [[nodiscard]] std::uint64_t ticks(Instant now) const noexcept;
  [[nodiscard]] Duration duration(std::uint64_t ticks) const noexcept;
  [[nodiscard]] std::uint32_t tokens(std::uint64_t lead) const noexcept;

  RateLimit limit_;
  std::uint64_t ticks_per_ns_;  // S
  std::uint64_t interval_;      // ticks from one token to the next
  std::uint64_t lead_max_;      // burst * interval: an empty bucket's distance from full
};

}  // namespace sluice::governance::internal
