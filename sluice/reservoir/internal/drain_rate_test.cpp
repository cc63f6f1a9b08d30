// SPDX-License-Identifier: MIT
#include <sluice/reservoir/internal/drain_rate.hpp>

#include <gtest/gtest.h>

namespace sluice::reservoir::internal {
namespace {

using namespace std::chrono_literals;

const Instant kStart{1h};

// A rate of 100 bytes a second, seen for so long.
DrainRate steady(Duration length) {
  DrainRate rate;
  rate.begin(kStart);
  for (Duration at = 1s; at <= length; at += 1s) rate.drained(100, false, kStart + at);
  return rate;
}

double in_seconds(Duration length) { return std::chrono::duration<double>(length).count(); }

TEST(DrainRate, DividesWhatIsThereByTheRate) {
  EXPECT_NEAR(in_seconds(steady(100s).time_for(10'000, kStart + 100s)), 100, 1);
}

TEST(DrainRate, StaysWithinItsBounds) {
  EXPECT_EQ(steady(10s).time_for(0, kStart + 10s), DrainRate::kWaitMin);
  EXPECT_EQ(steady(10s).time_for(1, kStart + 10s), DrainRate::kWaitMin);
  EXPECT_EQ(steady(10s).time_for(1 << 30, kStart + 10s), DrainRate::kWaitMax);
  EXPECT_EQ(steady(10s).time_for(~std::uint64_t{0}, kStart + 10s), DrainRate::kWaitMax);
}

TEST(DrainRate, KnowsNothingBeforeTheFirstDrain) {
  DrainRate rate;
  rate.begin(kStart);
  EXPECT_EQ(rate.time_for(1000, kStart + 1h), DrainRate::kWaitUnknown);
}

TEST(DrainRate, ForgetsAnOldPace) {
  DrainRate rate = steady(300s);
  for (Duration at = 301s; at <= 600s; at += 1s) rate.drained(1000, false, kStart + at);
  EXPECT_NEAR(in_seconds(rate.time_for(10'000, kStart + 600s)), 10, 0.5);
}

TEST(DrainRate, AStoreThatTakesNothingMakesClientsWaitLonger) {
  DrainRate rate = steady(100s);
  Duration before = rate.time_for(1000, kStart + 100s);
  for (Duration at = 110s; at < 200s; at += 10s) {
    Duration now = rate.time_for(1000, kStart + at);
    EXPECT_GT(now, before);
    before = now;
  }
}

TEST(DrainRate, TimeWithNothingToDrainDoesNotCount) {
  DrainRate rate = steady(100s);
  rate.drained(100, true, kStart + 101s);
  rate.begin(kStart + 10h);
  EXPECT_NEAR(in_seconds(rate.time_for(1000, kStart + 10h)), 10, 0.5);
}

}  // namespace
}  // namespace sluice::reservoir::internal
