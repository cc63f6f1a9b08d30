// SPDX-License-Identifier: MIT
#include <apps/epro/client/histogram.hpp>

#include <chrono>

#include <gtest/gtest.h>

namespace epro {
namespace {

using namespace std::chrono_literals;

TEST(Histogram, WithoutDurationsAllIsZero) {
  Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.max(), 0ns);
  EXPECT_EQ(histogram.percentile(50), 0ns);
  EXPECT_EQ(histogram.percentile(100), 0ns);
}

TEST(Histogram, ShortDurationsAreExactToTheMicrosecond) {
  Histogram histogram;
  for (int us = 1; us <= 200; ++us) histogram.record(std::chrono::microseconds(us));
  EXPECT_EQ(histogram.percentile(50), 100us);
  EXPECT_EQ(histogram.percentile(99), 198us);
  EXPECT_EQ(histogram.percentile(99.5), 199us);
  EXPECT_EQ(histogram.percentile(99.6), 200us);
  EXPECT_EQ(histogram.percentile(100), 200us);
}

TEST(Histogram, LongDurationsAreNeverUnderstatedAndAtMostOneInAHundredAndTwentyEightTooHigh) {
  for (sluice::Duration truth : {256us, 257us, 511us, 512us, 5000us, 1'234'567us, 60'000'000us}) {
    Histogram histogram;
    histogram.record(truth);
    histogram.record(Histogram::kLongest);  // else the maximum would correct it
    EXPECT_GE(histogram.percentile(50), truth);
    EXPECT_LE(histogram.percentile(50), truth + truth / 128);
  }
}

TEST(Histogram, TheMaximumIsExactAndBoundsEveryPercentile) {
  Histogram histogram;
  histogram.record(1'000'001ns);
  EXPECT_EQ(histogram.max(), 1'000'001ns);
  EXPECT_EQ(histogram.percentile(100), 1'000'001ns);
}

TEST(Histogram, WhatIsTooLongCountsAsTheLongest) {
  Histogram histogram;
  histogram.record(Histogram::kLongest);
  histogram.record(Histogram::kLongest + 1ns);
  histogram.record(24h * 365);
  EXPECT_EQ(histogram.count(), 3u);
  EXPECT_EQ(histogram.max(), Histogram::kLongest);
  EXPECT_EQ(histogram.percentile(1), Histogram::kLongest);
}

TEST(Histogram, OneInAThousandShowsAtThePercentileBehindIt) {
  Histogram histogram;
  for (int i = 0; i < 999; ++i) histogram.record(1ms);
  histogram.record(1s);
  EXPECT_LT(histogram.percentile(99.9), 2ms);
  EXPECT_EQ(histogram.percentile(99.95), 1s);
}

}  // namespace
}  // namespace epro
