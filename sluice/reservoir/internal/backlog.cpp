// SPDX-License-Identifier: MIT
#include <sluice/reservoir/internal/backlog.hpp>

#include <algorithm>
#include <chrono>
#include <mutex>

#include <sluice/base/assert.hpp>

namespace sluice::reservoir::internal {
namespace {

// An age is for a dashboard: 72 hours of outage make 260,000 samples, some megabytes.
constexpr std::chrono::seconds kAgeResolution{1};

}  // namespace

Backlog::Backlog(Clock& clock, observe::Registry& metrics)
    : clock_(clock),
      depth_records_(metrics.gauge("reservoir_depth_records", "Records that are durable and not yet drained.")),
      depth_bytes_(metrics.gauge("reservoir_depth_bytes", "Their bytes.")),
      age_(metrics.gauge_callback("reservoir_oldest_age_seconds", "How long ago the oldest of them was received.",
                                  [this] { return oldest_age_seconds(); })) {}

Backlog::~Backlog() {
  // The gauges outlive us: another reservoir in this program may go on counting with them.
  depth_records_.add(-static_cast<std::int64_t>(sizes_.size()));
  depth_bytes_.add(-static_cast<std::int64_t>(bytes()));
}

void Backlog::begin(Position drained) {
  SLUICE_ASSERT(sizes_.empty() && this->drained() == 0, "a backlog begins once");
  drained_.store(drained, std::memory_order_relaxed);  // relaxed: see drained_
}

void Backlog::add(std::uint32_t bytes, WallTime received_at) {
  std::lock_guard hold(mutex_);
  if (sizes_.empty()) {
    rate_.begin(clock_.now());
    ages_.clear();
  }
  sizes_.push_back(bytes);
  if (ages_.empty() || received_at - ages_.back().received_at >= kAgeResolution)
    ages_.push_back({drained() + sizes_.size(), received_at});
  bytes_.fetch_add(bytes, std::memory_order_relaxed);                   // relaxed: see bytes_
  oldest_.store(ages_.front().received_at, std::memory_order_relaxed);  // relaxed: see oldest_
  depth_records_.add(1);
  depth_bytes_.add(bytes);
}

void Backlog::drain(Position through) {
  std::lock_guard hold(mutex_);
  if (through <= drained()) return;
  const Position count = through - drained();
  SLUICE_ASSERT(count <= sizes_.size(), "only what is durable is drained");
  std::uint64_t bytes = 0;
  for (Position i = 0; i < count; ++i) bytes += sizes_[i];
  sizes_.erase(sizes_.begin(), sizes_.begin() + static_cast<std::ptrdiff_t>(count));
  rate_.drained(bytes, sizes_.empty(), clock_.now());
  while (ages_.size() > 1 && ages_[1].position <= through + 1) ages_.pop_front();
  const WallTime oldest = sizes_.empty() ? WallTime::max() : ages_.front().received_at;
  drained_.store(through, std::memory_order_relaxed);  // relaxed, here and below: see their declarations
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  oldest_.store(oldest, std::memory_order_relaxed);
  depth_records_.add(-static_cast<std::int64_t>(count));
  depth_bytes_.add(-static_cast<std::int64_t>(bytes));
}

double Backlog::oldest_age_seconds() const noexcept {
  const WallTime now = clock_.wall_now();
  const WallTime oldest = oldest_.load(std::memory_order_relaxed);  // relaxed: see oldest_
  return std::chrono::duration<double>(now - std::min(oldest, now)).count();
}

// relaxed: numbers by themselves, see their declarations.
Position Backlog::drained() const noexcept { return drained_.load(std::memory_order_relaxed); }
std::uint64_t Backlog::bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

Duration Backlog::time_to_drain() const {
  std::lock_guard hold(mutex_);
  return rate_.time_for(bytes(), clock_.now());
}

}  // namespace sluice::reservoir::internal
