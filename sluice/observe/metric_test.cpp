// SPDX-License-Identifier: MIT
#include <sluice/observe/metric.hpp>

#include <cmath>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::observe {
namespace {

TEST(Counter, SumsWhatAllShardsGot) {
  Counter counter(MetricLayout{.shards = 4, .bounds = {}});
  counter.add();
  counter.add(41);
  EXPECT_EQ(counter.value(), 42u);
}

TEST(Counter, LosesNothingAmongThreads) {
  constexpr std::uint64_t kThreads = 4, kRounds = 50'000;
  for (std::size_t shards : {1, 2, 4}) {
    Counter counter(MetricLayout{.shards = shards, .bounds = {}});
    std::vector<std::thread> threads;
    for (std::uint64_t i = 0; i < kThreads; ++i)
      threads.emplace_back([&] {
        for (std::uint64_t round = 0; round < kRounds; ++round) counter.add();
      });
    std::uint64_t before = 0;
    for (int look = 0; look < 1000; ++look) {
      std::uint64_t now = counter.value();
      EXPECT_GE(now, before);
      before = now;
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(counter.value(), kThreads * kRounds);
  }
}

TEST(Gauge, RisesFallsAndIsSet) {
  Gauge gauge(MetricLayout{});
  gauge.add(3);
  gauge.add(-5);
  EXPECT_EQ(gauge.value(), -2);
  gauge.set(7);
  EXPECT_EQ(gauge.value(), 7);
}

TEST(Histogram, CountsAValueInTheFirstBucketThatHoldsIt) {
  Histogram histogram(MetricLayout{.shards = 2, .bounds = {0.5, 5, 10}});
  for (double value : {-1.0, 0.5, 0.6, 5.0, 10.0, 10.1, 1e300}) histogram.observe(value);
  EXPECT_EQ(histogram.read().counts, (std::vector<std::uint64_t>{2, 2, 1, 2}));
}

TEST(Histogram, SumsFractions) {
  Histogram histogram(MetricLayout{.shards = 1, .bounds = {}});
  histogram.observe(0.25);
  histogram.observe(1.5);
  EXPECT_EQ(histogram.read().sum, 1.75);
  EXPECT_EQ(histogram.read().counts, (std::vector<std::uint64_t>{2}));
}

TEST(Histogram, IgnoresNotANumber) {
  Histogram histogram(MetricLayout{.shards = 1, .bounds = {1}});
  histogram.observe(std::nan(""));
  EXPECT_EQ(histogram.read().counts, (std::vector<std::uint64_t>{0, 0}));
  EXPECT_EQ(histogram.read().sum, 0);
}

// More bounds than a cache line has words.
TEST(Histogram, LosesNothingAmongThreads) {
  constexpr int kThreads = 4, kRounds = 20'000;
  Histogram histogram(MetricLayout{.shards = 2, .bounds = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}});
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) histogram.observe(round % 11 + 1);
    });
  for (auto& thread : threads) thread.join();
  auto reading = histogram.read();
  std::uint64_t count = 0;
  for (std::uint64_t bucket : reading.counts) count += bucket;
  EXPECT_EQ(count, std::uint64_t{kThreads} * kRounds);
  double sum = 0;
  for (int round = 0; round < kRounds; ++round) sum += round % 11 + 1;
  EXPECT_EQ(reading.sum, kThreads * sum);  // small whole numbers: exact in any order
}

TEST(HistogramDeathTest, TakesOnlyBoundsThatRise) {
  EXPECT_DEATH(Histogram(MetricLayout{.shards = 1, .bounds = {2, 2}}), "bounds rise");
}

}  // namespace
}  // namespace sluice::observe
