// SPDX-License-Identifier: MIT
#include <sluice/governance/retry.hpp>

#include <algorithm>
#include <cmath>

#include <sluice/base/assert.hpp>

namespace sluice::governance {
namespace {

// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
std::uint64_t next_random(std::uint64_t& state) noexcept {
  std::uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

RetryBudget::RetryBudget(Options options)
    : earned_by_call_(std::llround(options.share * kParts)),
      earned_max_(std::int64_t{options.kept} * kParts),
      floor_({.per_second = options.per_second, .burst = options.kept}) {
  SLUICE_ASSERT(options.share >= 0 && options.share <= 1, "a share");
  SLUICE_ASSERT(floor_.limit().check().has_value(), "a rate that can be");
}

void RetryBudget::on_call() noexcept {
  // relaxed, here and below: a count by itself. Several at once may each see room and go beyond earned_max_, by less than one
  // retry for ten of them; the next one sees it.
  if (earned_.load(std::memory_order_relaxed) < earned_max_) earned_.fetch_add(earned_by_call_, std::memory_order_relaxed);
}

bool RetryBudget::try_take(Instant now) noexcept {
  std::int64_t earned = earned_.load(std::memory_order_relaxed);  // relaxed: as above
  while (earned >= kParts) {
    // relaxed: as above.
    if (earned_.compare_exchange_weak(earned, earned - kParts, std::memory_order_relaxed)) return true;
  }
  return floor_.try_take(now).allowed;
}

Backoff::Backoff(Options options, std::uint64_t seed) noexcept : options_(options), state_(seed), bound_(options.first) {
  SLUICE_ASSERT(Duration(0) < options.first && options.first <= options.longest, "a wait that grows");
}

Duration Backoff::next(std::optional<Duration> retry_after) noexcept {
  if (retry_after) return *retry_after + draw(options_.first);
  Duration wait = draw(bound_);
  bound_ = bound_ > options_.longest / 2 ? options_.longest : bound_ * 2;
  return wait;
}

Duration Backoff::draw(Duration bound) noexcept {
  return Duration(static_cast<std::int64_t>(next_random(state_) % static_cast<std::uint64_t>(bound.count() + 1)));
}

}  // namespace sluice::governance
