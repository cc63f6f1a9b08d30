// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <sluice/observe/internal/sharded_words.hpp>

namespace sluice::observe {

/// How a metric is laid out. A registry makes it; its users never see one.
struct MetricLayout {
  std::size_t shards = 1;      ///< a power of two
  std::vector<double> bounds;  ///< of a histogram's buckets, rising
};

/// How often something has happened since the start. Only rises.
/// Threads: any. add() is one uncontended atomic addition and never waits.
class Counter {
 public:
  explicit Counter(const MetricLayout& layout) : words_(layout.shards, 1) {}

  void add(std::uint64_t times = 1) noexcept { words_.add(words_.here(), 0, times); }
  /// Never less than an earlier value() in the same thread.
  [[nodiscard]] std::uint64_t value() const noexcept { return words_.sum(0); }

 private:
  internal::ShardedWords words_;
};

/// How much of something there is now: connections, bytes, entries. For a value that is at hand already, or that is not
/// a whole number, register a callback instead (registry.hpp).
/// Threads: any. One word for all: a value that may be set cannot be spread.
class alignas(64) Gauge {
 public:
  explicit Gauge(const MetricLayout&) {}

  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  // relaxed, in all three: see value_.
  void add(std::int64_t change) noexcept { value_.fetch_add(change, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};  // written by anyone, read by scrapes; a number by itself, publishes nothing
};

/// How values are distributed over fixed buckets, from which a scraper estimates percentiles.
///
///   auto& duration = registry.histogram("drain_batch_duration_ms", "drain batch duration(ms).", {5, 10, 25});
///   duration.observe(12.5);   // counts in the bucket from 10 to 25
///
/// Threads: any. observe() is two additions, hardly ever contended, and never waits.
class Histogram {
 public:
  explicit Histogram(const MetricLayout& layout);

  /// Counts `value` in the first bucket whose bound is >= value. NaN is not counted.
  void observe(double value) noexcept;

  struct Reading {
    std::vector<std::uint64_t> counts;  ///< one a bound, then one for all above; not cumulative
    double sum = 0;                     ///< of all values
  };
  [[nodiscard]] Reading read() const;
  [[nodiscard]] const std::vector<double>& bounds() const noexcept { return bounds_; }

 private:
  std::vector<double> bounds_;
  internal::ShardedWords words_;  // a count per bucket, then the sum
};

}  // namespace sluice::observe
