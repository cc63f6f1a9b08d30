// SPDX-License-Identifier: MIT
#include <apps/epro/client/schedule.hpp>

#include <algorithm>
#include <chrono>

#include <gtest/gtest.h>

namespace epro {
namespace {

using namespace std::chrono_literals;

TEST(Schedule, MomentsLieWithinTheWindowInOrderAndFillIt) {
  auto moments = draw_moments(10'000, 10s, 1);
  ASSERT_EQ(moments.size(), 10'000u);
  EXPECT_TRUE(std::ranges::is_sorted(moments));
  EXPECT_GE(moments.front(), 0s);
  EXPECT_LT(moments.back(), 10s);
  // Each second gets its tenth; four standard deviations of a binomial (n 10,000, p 0.1) are 120.
  for (auto second = 0s; second < 10s; ++second) {
    auto count = std::ranges::count_if(moments, [&](auto moment) { return moment >= second && moment < second + 1s; });
    EXPECT_NEAR(static_cast<double>(count), 1000, 120) << second.count();
  }
}

TEST(Schedule, TheSeedDecides) {
  EXPECT_EQ(draw_moments(100, 1s, 7), draw_moments(100, 1s, 7));
  EXPECT_NE(draw_moments(100, 1s, 7), draw_moments(100, 1s, 8));
}

TEST(Schedule, TheSmallestWindowHasOneMoment) {
  EXPECT_EQ(draw_moments(2, 1ns, 3), (std::vector<sluice::Duration>{0ns, 0ns}));
  EXPECT_TRUE(draw_moments(0, 1s, 3).empty());
}

}  // namespace
}  // namespace epro
