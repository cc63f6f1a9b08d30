// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include <sluice/base/clock.hpp>
#include <sluice/base/spin_lock.hpp>
#include <sluice/governance/rolling_window.hpp>

namespace sluice::governance {

/// Spares what is failing: refuses a share of the calls that grows with the share that failed in the last ten seconds, so
/// that it gets no more than it can bear, and comes back as it recovers. One call a second goes through whatever happens.
///
///   if (!breaker.allow(clock.now())) return refuse();
///   auto answer = call();
///   answer ? breaker.succeed(clock.now()) : breaker.fail(clock.now());
///
/// Requires: each call that was allowed is told as one success or one failure; one that nobody can judge is left out.
/// Threads: any; a few words under a spin lock. While nearly all succeed it costs two additions; else a look at 40 buckets.
/// Source: "Site Reliability Engineering" (Google, 2016), ch. 21, client-side throttling, with go-zero's constants: what is
/// failing is given less rope (1.5 accepted calls down to 1.1), what has begun to work is let in sooner.
class Breaker {
 public:
  static constexpr Duration kStretch = std::chrono::milliseconds(250);
  static constexpr std::size_t kStretches = 40;
  /// So long after the last call that went through, the next one does.
  static constexpr Duration kForcedPass = std::chrono::seconds(1);

  /// `seed`: of the dice; equal seeds refuse the same calls.
  Breaker(Instant now, std::uint64_t seed) noexcept;

  /// False: do not call. It is counted.
  [[nodiscard]] bool allow(Instant now) noexcept;
  void succeed(Instant now) noexcept;
  void fail(Instant now) noexcept;

  /// The share of calls that would be refused at `now`, 0 to 1.
  [[nodiscard]] double refused_share(Instant now) noexcept;

 private:
  struct Sums {
    std::uint32_t successes = 0;
    std::uint32_t failures = 0;
    std::uint32_t refusals = 0;
  };
  struct Verdict {
    double excess;  // above zero: more calls than what succeeds gives a right to
    double working;  // the share of the window in which all has succeeded lately
  };

  Sums& bucket_at(Instant now) noexcept;
  [[nodiscard]] Verdict judge(Instant now) const noexcept;
  [[nodiscard]] bool is_healthy() const noexcept;
  double roll() noexcept;

  SpinLock lock_;
  RollingWindow<Sums, kStretches> window_;  // guarded by lock_, as all below
  std::uint64_t calls_ = 0;                 // in the window: all buckets' sums
  std::uint64_t successes_ = 0;             // in the window
  std::optional<Instant> last_pass_;        // when one last got through although too many fail
  std::uint64_t random_;
};

}  // namespace sluice::governance
