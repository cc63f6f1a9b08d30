// SPDX-License-Identifier: MIT
#include <sluice/reservoir/internal/drain_rate.hpp>

#include <algorithm>
#include <cmath>

namespace sluice::reservoir::internal {
namespace {

double seconds(Duration length) noexcept {
  return std::chrono::duration<double>(std::max(length, Duration::zero())).count();
}

double decay(double elapsed) noexcept { return std::exp(-elapsed / seconds(DrainRate::kForget)); }

}  // namespace

void DrainRate::drained(std::uint64_t bytes, bool is_empty, Instant now) noexcept {
  if (since_) {
    const double elapsed = seconds(now - *since_);
    bytes_ = bytes_ * decay(elapsed) + static_cast<double>(bytes);
    seconds_ = seconds_ * decay(elapsed) + elapsed;
  }
  since_ = is_empty ? std::nullopt : std::optional(now);
}

Duration DrainRate::time_for(std::uint64_t bytes, Instant now) const noexcept {
  if (bytes == 0) return kWaitMin;
  if (bytes_ == 0) return kWaitUnknown;
  const double elapsed = since_ ? seconds(now - *since_) : 0;
  const double spent = seconds_ * decay(elapsed) + elapsed, out = bytes_ * decay(elapsed);
  const double wait = static_cast<double>(bytes) * spent / out;
  if (!(wait < seconds(kWaitMax))) return kWaitMax;  // also what is not a number
  return std::max(kWaitMin, Duration(static_cast<std::int64_t>(wait * 1e9)));
}

}  // namespace sluice::reservoir::internal
