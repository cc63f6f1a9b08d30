// SPDX-License-Identifier: MIT
#include <sluice/governance/breaker.hpp>

#include <chrono>

#include <gtest/gtest.h>

namespace sluice::governance {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart(1h);

void succeed(Breaker& breaker, Instant now, int times) {
  for (int i = 0; i < times; ++i) breaker.succeed(now);
}
void fail(Breaker& breaker, Instant now, int times) {
  for (int i = 0; i < times; ++i) breaker.fail(now);
}
int count_allowed(Breaker& breaker, Instant now, int of) {
  int allowed = 0;
  for (int i = 0; i < of; ++i) allowed += breaker.allow(now) ? 1 : 0;
  return allowed;
}

TEST(Breaker, LetsAllThroughThatSucceeds) {
  Breaker breaker(kStart, 1);
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_TRUE(breaker.allow(kStart + i * 10ms));
    breaker.succeed(kStart + i * 10ms);
  }
}

TEST(Breaker, SaysNothingOfFiveCalls) {
  Breaker breaker(kStart, 1);
  fail(breaker, kStart, 5);
  EXPECT_EQ(breaker.refused_share(kStart), 0);
  EXPECT_EQ(count_allowed(breaker, kStart, 100), 100);
  fail(breaker, kStart, 1);
  EXPECT_GT(breaker.refused_share(kStart), 0);
}

// By hand, by the formula in breaker.cpp: (total - 5 - w * accepts) / (total + 1) * (40 - working) / 40.
TEST(Breaker, RefusesTheShareOfTheFormula) {
  struct Case {
    int successes, failures;
    double share;
  };
  for (auto [successes, failures, share] : {
           Case{0, 95, 90.0 / 96},     // one stretch of failures alone; with nothing accepted, w does not matter
           Case{10, 85, 75.0 / 96},    // w = 1.5: a success in the stretch ends the run of failing ones
           Case{60, 35, 0.0 / 96},     // 95 - 5 - 90
           Case{59, 36, 1.5 / 96},
           Case{100, 0, 0},
       }) {
    Breaker breaker(kStart, 1);
    succeed(breaker, kStart, successes);
    fail(breaker, kStart, failures);
    EXPECT_DOUBLE_EQ(breaker.refused_share(kStart), share) << successes << " of " << successes + failures;
  }
}

TEST(Breaker, GivesLessRopeTheLongerNothingSucceeds) {
  Breaker breaker(kStart, 1);
  succeed(breaker, kStart, 40);
  for (int stretch = 1; stretch <= 10; ++stretch) fail(breaker, kStart + stretch * 250ms, 10);
  // total 140, accepts 40, ten stretches of failures: w = 1.5 - 0.4 * 10 / 40 = 1.4
  EXPECT_DOUBLE_EQ(breaker.refused_share(kStart + 2500ms), (140 - 5 - 1.4 * 40) / 141);
  for (int stretch = 11; stretch <= 39; ++stretch) fail(breaker, kStart + stretch * 250ms, 10);
  // total 430, w = 1.5 - 0.4 * 39 / 40 = 1.11
  EXPECT_DOUBLE_EQ(breaker.refused_share(kStart + 9750ms), (430 - 5 - 1.11 * 40) / 431);
}

TEST(Breaker, LetsInSoonerWhatHasBegunToWork) {
  Breaker breaker(kStart, 1);
  fail(breaker, kStart, 400);
  for (int stretch = 1; stretch <= 20; ++stretch) succeed(breaker, kStart + stretch * 250ms, 1);
  // total 420, accepts 20, twenty stretches of successes: half of it
  EXPECT_DOUBLE_EQ(breaker.refused_share(kStart + 5s), (420 - 5 - 1.5 * 20) / 421 * 20 / 40);
}

TEST(Breaker, AStretchWithoutCallsChangesNoRun) {
  Breaker breaker(kStart, 1);
  succeed(breaker, kStart, 10);
  fail(breaker, kStart + 250ms, 50);
  fail(breaker, kStart + 5s, 50);  // two failing stretches, many empty ones between: w = 1.48
  EXPECT_DOUBLE_EQ(breaker.refused_share(kStart + 5s), (110 - 5 - 1.48 * 10) / 111);
}

TEST(Breaker, CountsRefusalsAsCalls) {
  Breaker breaker(kStart, 1);
  fail(breaker, kStart, 20);
  int refused = 100 - count_allowed(breaker, kStart, 100);
  EXPECT_DOUBLE_EQ(breaker.refused_share(kStart), (20.0 + refused - 5) / (20.0 + refused + 1));
}

TEST(Breaker, RollsTheDiceFairly) {
  Breaker breaker(kStart, 1);
  succeed(breaker, kStart, 40'000);
  fail(breaker, kStart, 60'000);  // refuses (100,000 - 5 - 60,000) / 100,001, 0.4
  int allowed = count_allowed(breaker, kStart, 1'000);
  EXPECT_NEAR(allowed, 600, 60);
}

TEST(Breaker, LetsOneThroughEachSecond) {
  Breaker breaker(kStart, 1);
  fail(breaker, kStart, 1'000'000);  // the dice let one in 170,000 through
  Instant now = kStart;
  int allowed = 0;
  for (int ms = 0; ms < 5'000; ++ms, now += 1ms) {
    if (!breaker.allow(now)) continue;
    ++allowed;
    breaker.fail(now);
  }
  EXPECT_EQ(allowed, 4);
}

TEST(Breaker, LetsOneThroughASecondAfterTheLastThatGotThrough) {
  Breaker breaker(kStart, 3);
  fail(breaker, kStart, 6);
  while (!breaker.allow(kStart)) {}  // by the dice, while they are not loaded yet
  fail(breaker, kStart, 1'000'000);
  EXPECT_EQ(count_allowed(breaker, kStart + 1s, 10), 0);
  EXPECT_TRUE(breaker.allow(kStart + 1s + 1ns));
  EXPECT_EQ(count_allowed(breaker, kStart + 2s, 10), 0);
  EXPECT_TRUE(breaker.allow(kStart + 2s + 2ns));
}

TEST(Breaker, ForgetsAfterTenSeconds) {
  Breaker breaker(kStart, 1);
  fail(breaker, kStart, 1'000);
  EXPECT_GT(breaker.refused_share(kStart + 9'999ms), 0.9);
  EXPECT_EQ(breaker.refused_share(kStart + 10s), 0);
}

TEST(Breaker, RecoversByItselfFromAnOutage) {
  Breaker breaker(kStart, 5);
  int wrong = 0, late = 0;
  for (int ms = 0; ms < 60'000; ms += 5) {
    Instant now = kStart + std::chrono::milliseconds(ms);
    bool is_down = ms >= 10'000 && ms < 30'000;
    if (!breaker.allow(now)) {
      if (ms < 10'000) ++wrong;
      if (ms >= 45'000) ++late;
      continue;
    }
    is_down ? breaker.fail(now) : breaker.succeed(now);
  }
  EXPECT_EQ(wrong, 0) << "refused before anything failed";
  EXPECT_EQ(late, 0) << "still refuses, a window and a half after the end";
}

}  // namespace
}  // namespace sluice::governance
