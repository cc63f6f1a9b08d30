// SPDX-License-Identifier: MIT
// A bucket of burst 3, two tokens taken out of it (I is the interval, T what has become of full_at):
//
//              now                    T         now + lead_max
//   ------------+----------+----------+----------+------------> ticks
//               |<--------- lead ---->|<--- I -->|
//                                          one token is left
//
// A call for n tokens moves T by n * I from max(T, now). If that lies beyond now + lead_max, there were not n tokens,
// and there will be once now has moved on by the difference.
// Rejected: a pair (tokens, time of last refill): two words, or a token count rounded at each refill. Counting in
// nanoseconds alone: 3 a second would be wrong by a third of a nanosecond each time. Floating point: its step grows
// with the uptime.
#include <sluice/governance/internal/gcra.hpp>

#include <algorithm>
#include <cmath>

#include <sluice/base/assert.hpp>

namespace sluice::governance::internal {
namespace {

constexpr std::uint64_t kTicksPerNsMax = 32;
// Past this the clock stands still for us. Steady clocks count from the start of the machine, and 64 bits of ticks must
// hold it, a bucket's whole lead on top, and a call for as much again.
constexpr Duration kNowMax = std::chrono::years(16);
constexpr Duration kLeadMax = RateLimit::kRefillMax + std::chrono::minutes(1);  // with what rounding up may add
static_assert(static_cast<std::uint64_t>((kNowMax + 2 * kLeadMax).count()) < UINT64_MAX / kTicksPerNsMax);

struct Ticks {
  std::uint64_t per_ns;
  std::uint64_t interval;
};

/// The coarsest ticks that meet the rate as exactly as the double tells it; else the finest, rounded to slower.
Ticks ticks_for(double per_second) noexcept {
  // Extended precision: the double's own error, half of 2^-52, is the only one that counts.
  constexpr long double kDoubleError = 0x1p-52L;
  const long double interval_ns = 1e9L / static_cast<long double>(per_second);
  for (std::uint64_t per_ns = 1; per_ns <= kTicksPerNsMax; ++per_ns) {
    long double interval = interval_ns * static_cast<long double>(per_ns);
    if (std::abs(interval - std::round(interval)) <= interval * kDoubleError)
      return {per_ns, static_cast<std::uint64_t>(std::round(interval))};
  }
  return {kTicksPerNsMax, static_cast<std::uint64_t>(std::ceil(interval_ns * kTicksPerNsMax))};
}

}  // namespace

Gcra::Gcra(RateLimit limit) noexcept : limit_(limit) {
  SLUICE_ASSERT(limit.check().has_value(), "a limit from outside was checked before");
  Ticks ticks = ticks_for(limit.per_second);
  ticks_per_ns_ = ticks.per_ns;
  interval_ = ticks.interval;
  lead_max_ = limit.burst * interval_;
}

Gcra::Step Gcra::take(std::uint64_t full_at, Instant now, std::uint32_t n) const noexcept {
  const std::uint64_t present = ticks(now);
  const std::uint64_t from = std::max(full_at, present);
  if (n > limit_.burst) return {full_at, {false, Decision::kNever, tokens(from - present), duration(from - present)}};
  const std::uint64_t to = from + n * interval_;
  const std::uint64_t lead = to - present;
  if (lead <= lead_max_) return {n == 0 ? full_at : to, {true, Duration::zero(), tokens(lead), duration(lead)}};
  return {full_at, {false, duration(lead - lead_max_), tokens(from - present), duration(from - present)}};
}

std::uint64_t Gcra::ticks(Instant now) const noexcept {
  Duration since_start = std::clamp(Duration(now.time_since_epoch()), Duration::zero(), kNowMax);
  return static_cast<std::uint64_t>(since_start.count()) * ticks_per_ns_;
}

// Rounded up: after so long, and not before, it is so.
Duration Gcra::duration(std::uint64_t ticks) const noexcept {
  return Duration(static_cast<std::int64_t>((ticks + ticks_per_ns_ - 1) / ticks_per_ns_));
}

// None if the lead is beyond the bucket, as it may look to a clock that lags behind another thread's.
std::uint32_t Gcra::tokens(std::uint64_t lead) const noexcept {
  return lead >= lead_max_ ? 0 : static_cast<std::uint32_t>((lead_max_ - lead) / interval_);
}

}  // namespace sluice::governance::internal
