// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

#include <sluice/base/clock.hpp>
#include <sluice/governance/internal/gcra.hpp>
#include <sluice/governance/rate_limit.hpp>

namespace sluice::governance {

/// Serves a steady rate and forgives a short crowd: tokens come back evenly at `per_second`, at most `burst` are kept,
/// and each call takes one.
///
///   TokenBucket bucket({.per_second = 2, .burst = 5});
///   if (auto decision = bucket.try_take(clock.now()); !decision.allowed) return refuse(decision.retry_after);
///
/// In any stretch of time t at most burst + per_second * t tokens are taken, by however many threads: nothing happens
/// at the edges of seconds, and no fraction of a token is lost while nobody calls. Starts full.
/// Threads: any, lock-free; a refusal writes nothing. It counts and does not order: nobody sees another's work by it.
/// Source: the generic cell rate algorithm (ITU-T I.371, annex A), in one word.
class TokenBucket {
 public:
  /// Requires: limit.check() is ok.
  explicit TokenBucket(RateLimit limit) noexcept : gcra_(limit) {}

  /// Takes n tokens or none; n = 0 only asks how things stand. More than burst is never allowed. `now` may lie somewhat
  /// before what another thread passed already: that thread's tokens stay taken.
  Decision try_take(Instant now, std::uint32_t n = 1) noexcept;

  [[nodiscard]] const RateLimit& limit() const noexcept { return gcra_.limit(); }

 private:
  internal::Gcra gcra_;
  std::atomic<std::uint64_t> full_at_{0};  // Gcra's state. Written by whoever takes; publishes nothing
};

}  // namespace sluice::governance
