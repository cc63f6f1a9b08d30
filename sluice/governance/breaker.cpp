// SPDX-License-Identifier: MIT
//
// With `total` calls in the window, of which `accepts` succeeded (refused calls count as calls):
//
//   excess = (total - 5 - w * accepts) / (total + 1)         refuse with this probability, if it is above zero
//   w      = 1.5, down to 1.1 the longer nothing has succeeded
//
// The probability is scaled by the part of the window that has not been all well lately. Constants: contracts/go-zero.md §5.1.
#include <sluice/governance/breaker.hpp>

#include <algorithm>
#include <mutex>

namespace sluice::governance {
namespace {

constexpr double kRope = 1.5;       // calls for each that succeeded
constexpr double kShortRope = 1.1;  // where nothing has succeeded for long
constexpr std::uint64_t kProtected = 5;  // so few calls say nothing

}  // namespace

Breaker::Breaker(Instant now, std::uint64_t seed) noexcept : window_(kStretch, now), random_(seed) {}

bool Breaker::allow(Instant now) noexcept {
  std::lock_guard hold(lock_);
  Sums& bucket = bucket_at(now);
  if (is_healthy()) return true;
  Verdict verdict = judge(now);
  if (verdict.excess <= 0) return true;
  if (!last_pass_) last_pass_ = now;  // unlike go-zero, where none is forced before the dice let one through
  bool is_due = now - *last_pass_ > kForcedPass;
  if (!is_due && roll() < verdict.excess * (1 - verdict.working)) {
    ++bucket.refusals;
    ++calls_;
    return false;
  }
  last_pass_ = now;
  return true;
}

void Breaker::succeed(Instant now) noexcept {
  std::lock_guard hold(lock_);
  ++bucket_at(now).successes;
  ++calls_;
  ++successes_;
}

void Breaker::fail(Instant now) noexcept {
  std::lock_guard hold(lock_);
  ++bucket_at(now).failures;
  ++calls_;
}

double Breaker::refused_share(Instant now) noexcept {
  std::lock_guard hold(lock_);
  bucket_at(now);
  Verdict verdict = judge(now);
  return std::max(0.0, verdict.excess * (1 - verdict.working));
}

Breaker::Sums& Breaker::bucket_at(Instant now) noexcept {
  return window_.at(now, [this](const Sums& old) {
    calls_ -= std::uint64_t{old.successes} + old.failures + old.refusals;
    successes_ -= old.successes;
  });
}

// Whatever w is, the excess is not above zero: nobody needs to look at the buckets.
bool Breaker::is_healthy() const noexcept {
  return static_cast<double>(calls_) - kProtected <= kShortRope * static_cast<double>(successes_);
}

Breaker::Verdict Breaker::judge(Instant now) const noexcept {
  // Stretches that saw failures only, since the last that saw a success; and the other way round. A stretch without either
  // changes neither.
  double failing = 0, working = 0;
  window_.for_each(now, [&](const Sums& sums) {
    if (sums.successes > 0) {
      failing = 0;
    } else if (sums.failures > 0) {
      ++failing;
    }
    if (sums.failures > 0) {
      working = 0;
    } else if (sums.successes > 0) {
      ++working;
    }
  });
  double rope = std::max(kRope - (kRope - kShortRope) * failing / kStretches, kShortRope);
  auto calls = static_cast<double>(calls_), successes = static_cast<double>(successes_);
  return {.excess = (calls - kProtected - rope * successes) / (calls + 1), .working = working / kStretches};
}

// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014); the upper 53 bits, as many as a double between 0 and 1 has.
double Breaker::roll() noexcept {
  std::uint64_t z = random_ += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

}  // namespace sluice::governance
