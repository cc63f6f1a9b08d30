// SPDX-License-Identifier: MIT
#include <sluice/base/clock.hpp>

#include <sluice/base/assert.hpp>

namespace sluice {
namespace {

class SystemClock final : public Clock {
 public:
  Instant now() const noexcept override { return std::chrono::steady_clock::now(); }
  WallTime wall_now() const noexcept override {
    return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  }
};

}  // namespace

Clock& system_clock() noexcept {
  static SystemClock clock;
  return clock;
}

// The monotonic side starts at an hour, not at zero: an unset Instant must not look like the present.
ManualClock::ManualClock(WallTime start)
    : now_ns_(std::chrono::nanoseconds(std::chrono::hours(1)).count()),
      wall_ns_(std::chrono::nanoseconds(start.time_since_epoch()).count()) {}

Instant ManualClock::now() const noexcept { return Instant(Duration(now_ns_.load())); }

WallTime ManualClock::wall_now() const noexcept {
  return WallTime(std::chrono::duration_cast<std::chrono::microseconds>(Duration(wall_ns_.load())));
}

void ManualClock::advance(Duration by) noexcept {
  SLUICE_ASSERT(by.count() >= 0, "a monotonic clock does not go back");
  now_ns_ += by.count();
  wall_ns_ += by.count();
}

void ManualClock::step_wall(Duration by) noexcept { wall_ns_ += by.count(); }

Deadline Deadline::after(const Clock& clock, Duration length) noexcept {
  Instant now = clock.now();
  if (length >= Instant::max() - now) return Deadline();
  return Deadline(now + length);
}

std::optional<Duration> Deadline::left(const Clock& clock) const noexcept {
  if (is_never()) return std::nullopt;
  Instant now = clock.now();
  return when_ > now ? when_ - now : Duration::zero();
}

}  // namespace sluice
