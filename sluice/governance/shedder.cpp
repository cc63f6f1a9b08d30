// SPDX-License-Identifier: MIT
#include <sluice/governance/shedder.hpp>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <utility>

#include <sluice/base/assert.hpp>

namespace sluice::governance {
namespace {

constexpr double kOldShare = 0.9;  // of the mean of calls under way
constexpr double kFactorMin = 0.1;  // however busy, so much of what it carries is let in
constexpr double kTookMsUnknown = 1000;
constexpr double kStretchesPerMs = 0.01;

}  // namespace

Shedder::Shedder(Instant now, int threshold, std::function<int()> cpu)
    : threshold_(threshold), cpu_(std::move(cpu)), window_(kStretch, now) {
  SLUICE_ASSERT(threshold > 0 && threshold < kCpuMax, "a threshold that can be passed and is not always passed");
}

bool Shedder::allow(Instant now) noexcept {
  int cpu = cpu_();
  if (is_hot(now, cpu) && has_its_fill(now, cpu)) {
    has_refused_.store(true, std::memory_order_relaxed);  // relaxed: see has_refused_
    return false;
  }
  flying_.fetch_add(1, std::memory_order_relaxed);  // relaxed: see flying_
  return true;
}

void Shedder::pass(Instant now, Duration took) noexcept {
  std::lock_guard hold(lock_);
  land();
  Sums& sums = window_.at(now);
  ++sums.passes;
  sums.took_ms += static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(took).count());
}

void Shedder::fail(Instant now) noexcept {
  std::lock_guard hold(lock_);
  land();
  window_.at(now);
}

// Requires: lock_ held.
void Shedder::land() noexcept {
  auto flying = static_cast<double>(flying_.fetch_sub(1, std::memory_order_relaxed) - 1);  // relaxed: see flying_
  mean_flying_ = kOldShare * mean_flying_ + (1 - kOldShare) * flying;
}

bool Shedder::is_hot(Instant now, int cpu) noexcept {
  // relaxed, here and below: each says something by itself, and a call that sees it late is one call.
  if (cpu >= threshold_) {
    overloaded_ns_.store(now.time_since_epoch().count(), std::memory_order_relaxed);  // relaxed: as above
    return true;
  }
  if (!has_refused_.load(std::memory_order_relaxed)) return false;
  std::int64_t overloaded_ns = overloaded_ns_.load(std::memory_order_relaxed);  // relaxed: as above
  if (overloaded_ns != 0 && now - Instant(Duration(overloaded_ns)) < kCoolingDown) return true;
  has_refused_.store(false, std::memory_order_relaxed);  // relaxed: as above
  return false;
}

bool Shedder::has_its_fill(Instant now, int cpu) noexcept {
  double factor = std::clamp(double(kCpuMax - cpu) / double(kCpuMax - threshold_), kFactorMin, 1.0);
  std::lock_guard hold(lock_);
  double limit = carries(now) * factor;
  return mean_flying_ > limit && static_cast<double>(flying()) > limit;
}

// Requires: lock_ held.
double Shedder::carries(Instant now) const noexcept {
  double most_passes = 1, shortest_ms = kTookMsUnknown;
  window_.for_each_past(now, [&](const Sums& sums) {
    if (sums.passes == 0) return;
    most_passes = std::max(most_passes, double(sums.passes));
    shortest_ms = std::min(shortest_ms, std::round(double(sums.took_ms) / double(sums.passes)));
  });
  return std::max(1.0, most_passes * shortest_ms * kStretchesPerMs);
}

}  // namespace sluice::governance
