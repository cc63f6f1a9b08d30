// SPDX-License-Identifier: MIT
#include <sluice/base/clock.hpp>

#include <gtest/gtest.h>

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock;
  Instant before = clock.now();
  EXPECT_EQ(clock.now(), before);
  clock.advance(3s);
  EXPECT_EQ(clock.now() - before, 3s);
}

TEST(ManualClock, StepsTheWallWithoutTouchingTheMonotonicSide) {
  ManualClock clock;
  Instant before = clock.now();
  WallTime wall = clock.wall_now();
  clock.step_wall(-1h);
  EXPECT_EQ(clock.now(), before);
  EXPECT_EQ(clock.wall_now() - wall, -1h);
}

TEST(Deadline, LeftIsNeverNegative) {
  ManualClock clock;
  Deadline deadline = Deadline::after(clock, 1s);
  EXPECT_EQ(deadline.left(clock), 1s);
  clock.advance(2s);
  EXPECT_EQ(deadline.left(clock), 0s);
}

TEST(Deadline, ASumBeyondTheRepresentableIsNever) {
  ManualClock clock;
  EXPECT_TRUE(Deadline::after(clock, Duration::max()).is_never());
  EXPECT_EQ(Deadline().left(clock), std::nullopt);
}

TEST(Deadline, NeverComesLast) {
  ManualClock clock;
  EXPECT_LT(Deadline::after(clock, 1h), Deadline());
}

}  // namespace
}  // namespace sluice
