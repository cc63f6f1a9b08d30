// SPDX-License-Identifier: MIT
#include <sluice/governance/shedder.hpp>

#include <chrono>

#include <gtest/gtest.h>

namespace sluice::governance {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart(1h);
constexpr int kThreshold = 900;

class ShedderTest : public testing::Test {
 protected:
  // In each tenth of a second before `now`, `each` calls that took `took`.
  void carry(int stretches, int each, Duration took) {
    for (int s = 0; s < stretches; ++s, now += Shedder::kStretch)
      for (int i = 0; i < each; ++i) {
        ASSERT_TRUE(shedder.allow(now));
        shedder.pass(now, took);
      }
  }
  // So many under way, and the mean of them as well.
  void fly(int count) {
    int kept = cpu;
    cpu = 0;
    for (int i = 0; i < count; ++i) ASSERT_TRUE(shedder.allow(now));
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE(shedder.allow(now));
      shedder.fail(now);
    }
    cpu = kept;
  }

  int cpu = 0;
  Instant now = kStart;
  Shedder shedder{kStart, kThreshold, [this] { return cpu; }};
};

TEST_F(ShedderTest, LetsAllThroughWhileTheMachineIsNotBusy) {
  cpu = kThreshold - 1;
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(shedder.allow(now));
  EXPECT_EQ(shedder.flying(), 10'000);
}

// 50 ended in a tenth of a second, each after 20 ms: 500 a second, so 10 at a time.
TEST_F(ShedderTest, LetsInAsManyAsItHasCarried) {
  carry(20, 50, 20ms);
  fly(10);
  cpu = kThreshold;
  EXPECT_TRUE(shedder.allow(now)) << "ten are what it carries";
  fly(1);  // the mean follows
  EXPECT_FALSE(shedder.allow(now)) << "twelve are more";
  EXPECT_EQ(shedder.flying(), 12) << "who is refused does not fly";
}

TEST_F(ShedderTest, LetsInFewerTheBusierItIs) {
  carry(20, 50, 20ms);
  fly(6);
  cpu = 950;  // half way from 900 to 1000: five of the ten
  EXPECT_FALSE(shedder.allow(now));
  cpu = 930;  // seven
  EXPECT_TRUE(shedder.allow(now));
  cpu = 1000;  // never less than a tenth: one
  EXPECT_FALSE(shedder.allow(now));
}

TEST_F(ShedderTest, ForgivesAShortCrowd) {
  carry(20, 50, 20ms);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(shedder.allow(now));
  cpu = kThreshold;
  EXPECT_TRUE(shedder.allow(now)) << "a hundred have just come; the mean has not heard of it";
}

TEST_F(ShedderTest, KnowsNothingOfTheCurrentStretch) {
  fly(50);
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_TRUE(shedder.allow(now));
    shedder.pass(now, 1s);
  }
  cpu = kThreshold;
  EXPECT_FALSE(shedder.allow(now)) << "without a past it carries 1 * 1000 ms * 0.01: ten";
  now += Shedder::kStretch;
  EXPECT_TRUE(shedder.allow(now)) << "now it carries 1000 * 1000 ms * 0.01";
}

TEST_F(ShedderTest, CountsFailuresNeitherAsCarriedNorAsUnderWay) {
  carry(20, 50, 20ms);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(shedder.allow(now));
    shedder.fail(now);
  }
  EXPECT_EQ(shedder.flying(), 0);
}

TEST_F(ShedderTest, StaysOnGuardForASecondAfterARefusal) {
  carry(20, 50, 20ms);
  fly(20);
  cpu = kThreshold;
  ASSERT_FALSE(shedder.allow(now));
  cpu = 0;
  now += 999ms;
  EXPECT_FALSE(shedder.allow(now));
  now += 1ms;
  EXPECT_TRUE(shedder.allow(now));
  EXPECT_TRUE(shedder.allow(now - 1ms)) << "that is over, also for one whose clock is late";
}

TEST_F(ShedderTest, DoesNotStayOnGuardIfNobodyWasRefused) {
  carry(20, 50, 20ms);
  cpu = kThreshold;
  ASSERT_TRUE(shedder.allow(now));
  fly(20);
  cpu = 0;
  EXPECT_TRUE(shedder.allow(now + 10ms));
}

TEST_F(ShedderTest, ForgetsWhatItCarriedFiveSecondsAgo) {
  carry(10, 1'000, 100ms);  // 1000 at a time
  fly(100);
  cpu = kThreshold;
  EXPECT_TRUE(shedder.allow(now + 4s));
  EXPECT_FALSE(shedder.allow(now + 6s)) << "all that is left is the guess of ten";
}

}  // namespace
}  // namespace sluice::governance
