// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/governance/token_bucket.hpp>

namespace sluice::governance {

/// Whether the same call may turn out well if it is made again: kUnavailable, kAborted and kResourceExhausted. Not
/// kDeadlineExceeded, for whose time is up there is no time, and not what would be wrong again.
/// It says nothing about whether the call *may* be made twice: that is for who knows what it does.
[[nodiscard]] constexpr bool may_pass_later(Code code) noexcept {
  return code == Code::kUnavailable || code == Code::kAborted || code == Code::kResourceExhausted;
}

/// Keeps retries from making an outage worse. Where half of the calls fail, each client that tries three times sends nearly
/// twice as much to whom is too weak already; with a budget all clients of one callee together send a tenth more, at most.
///
///   budget.on_call();                                      // each call once, not its retries
///   if (failed && budget.try_take(clock.now())) retry();   // each retry
///
/// A callee that is asked seldom has earned nothing: `per_second` retries are there for that, so that a single hiccup
/// does not reach the user.
/// Threads: any, lock-free. It counts and does not order.
/// Source: Finagle's RetryBudget; "Handling Overload", Site Reliability Engineering (2016), ch. 21: a tenth.
class RetryBudget {
 public:
  struct Options {
    double share = 0.1;      ///< of the calls, that may be retries
    double per_second = 1;   ///< besides; above zero
    std::uint32_t kept = 10; ///< earned retries that are kept for later, and those of per_second; at least 1
  };

  RetryBudget() : RetryBudget(Options()) {}
  /// Requires: share between 0 and 1; a RateLimit of per_second and kept that is ok.
  explicit RetryBudget(Options options);

  void on_call() noexcept;
  /// Whether one more retry may be made; takes it.
  [[nodiscard]] bool try_take(Instant now) noexcept;

 private:
  // Of a retry. Shares are rounded to it.
  static constexpr std::int64_t kParts = 1000;

  const std::int64_t earned_by_call_;
  const std::int64_t earned_max_;
  std::atomic<std::int64_t> earned_{0};  // in parts; written by all who call
  TokenBucket floor_;
};

/// How long to wait before the next attempt: drawn between zero and a bound that doubles. Without the drawing, all whom one
/// outage has met come back at the same moment, and again.
/// Threads: one call's. Source: "Exponential Backoff And Jitter" (M. Brooker, 2015), full jitter.
class Backoff {
 public:
  struct Options {
    Duration first = std::chrono::milliseconds(50);  ///< bound of the first wait
    Duration longest = std::chrono::seconds(5);
  };

  explicit Backoff(std::uint64_t seed) noexcept : Backoff(Options(), seed) {}
  /// Equal seeds wait equally. Requires: 0 < first <= longest.
  Backoff(Options options, std::uint64_t seed) noexcept;

  /// `retry_after`: what the callee has asked for; then it is that and a little more, drawn as the first wait.
  [[nodiscard]] Duration next(std::optional<Duration> retry_after = std::nullopt) noexcept;

 private:
  Duration draw(Duration bound) noexcept;

  const Options options_;
  std::uint64_t state_;
  Duration bound_;
};

}  // namespace sluice::governance
