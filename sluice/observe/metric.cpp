// SPDX-License-Identifier: MIT
#include <sluice/observe/metric.hpp>

#include <algorithm>
#include <cmath>

#include <sluice/base/assert.hpp>

namespace sluice::observe {

Histogram::Histogram(const MetricLayout& layout)
    : bounds_(layout.bounds), words_(layout.shards, bounds_.size() + 2) {
  SLUICE_ASSERT(std::ranges::all_of(bounds_, [](double bound) { return std::isfinite(bound); }),
                "the bucket for all above is added by itself");
  SLUICE_ASSERT(std::ranges::adjacent_find(bounds_, std::ranges::greater_equal()) == bounds_.end(), "bounds rise");
}

void Histogram::observe(double value) noexcept {
  if (std::isnan(value)) return;  // it would turn the sum into NaN for ever
  // One by one: with the dozen bounds that a histogram has, this beats a binary search.
  std::size_t bucket = 0;
  while (bucket < bounds_.size() && value > bounds_[bucket]) ++bucket;
  std::size_t shard = words_.here();
  words_.add(shard, bucket, 1);
  words_.add_float(shard, bounds_.size() + 1, value);
}

Histogram::Reading Histogram::read() const {
  Reading reading;
  reading.counts.reserve(bounds_.size() + 1);
  for (std::size_t bucket = 0; bucket <= bounds_.size(); ++bucket) reading.counts.push_back(words_.sum(bucket));
  reading.sum = words_.sum_float(bounds_.size() + 1);
  return reading;
}

}  // namespace sluice::observe
