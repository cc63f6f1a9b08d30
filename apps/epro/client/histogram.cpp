// SPDX-License-Identifier: MIT
//
// The buckets, by microseconds: 0, 1, … 255, each its own; then 128 of 2 µs for 256 … 511, 128 of 4 µs for 512 …
// 1023, and so on. So a value's bucket is its highest eight bits and how many bits follow them.
#include <apps/epro/client/histogram.hpp>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>

#include <sluice/base/assert.hpp>

namespace epro {
namespace {

using sluice::Duration;
using std::chrono::microseconds;

constexpr unsigned kPrecisionBits = 8;
constexpr std::size_t kPerDoubling = std::size_t{1} << (kPrecisionBits - 1);

constexpr std::size_t bucket_of(std::uint64_t microseconds_count) {
  auto width = static_cast<unsigned>(std::bit_width(microseconds_count));
  unsigned shift = width > kPrecisionBits ? width - kPrecisionBits : 0;
  return shift * kPerDoubling + static_cast<std::size_t>(microseconds_count >> shift);
}

constexpr std::uint64_t last_of(std::size_t bucket) {
  std::size_t shift = bucket < 2 * kPerDoubling ? 0 : bucket / kPerDoubling - 1;
  return ((bucket - shift * kPerDoubling + 1) << shift) - 1;
}

constexpr std::uint64_t in_microseconds(Duration duration) {
  return static_cast<std::uint64_t>(std::chrono::ceil<microseconds>(duration).count());
}

static_assert(bucket_of(255) == 255 && bucket_of(256) == 256 && bucket_of(257) == 256 && bucket_of(511) == 383);
static_assert(last_of(255) == 255 && last_of(256) == 257 && last_of(383) == 511 && last_of(384) == 515);

}  // namespace

Histogram::Histogram() : buckets_(bucket_of(in_microseconds(kLongest)) + 1) {}

void Histogram::record(Duration duration) {
  SLUICE_ASSERT(duration >= Duration::zero(), "nothing ends before it begins");
  duration = std::min(duration, kLongest);
  ++buckets_[bucket_of(in_microseconds(duration))];
  ++count_;
  max_ = std::max(max_, duration);
}

Duration Histogram::percentile(double percent) const {
  SLUICE_ASSERT(percent > 0 && percent <= 100, "a percentage");
  auto wanted = static_cast<std::uint64_t>(std::ceil(static_cast<double>(count_) * percent / 100));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen < wanted || seen == 0) continue;
    return std::min<Duration>(microseconds(last_of(bucket)), max_);
  }
  return Duration::zero();
}

}  // namespace epro
