// SPDX-License-Identifier: MIT
#include <sluice/http/body_budget.hpp>

#include <atomic>

#include <gtest/gtest.h>

#include <sluice/runtime/fiber_test.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice::http {
namespace {

constexpr std::size_t kFree = BodyShare::kUncountedBytes;

TEST(BodyBudget, GivesOutUpToItsLimitAndTakesNothingWhereItRefuses) {
  BodyBudget budget(100);
  EXPECT_TRUE(budget.take(60));
  EXPECT_FALSE(budget.take(41));
  EXPECT_FALSE(budget.take(static_cast<std::size_t>(-1)));
  EXPECT_EQ(budget.used(), 60U);
  EXPECT_TRUE(budget.take(40));
  EXPECT_FALSE(budget.take(1));
  budget.give_back(100);
  EXPECT_EQ(budget.used(), 0U);
}

TEST(BodyShare, CountsWhatIsBeyondTheFreeBytesOnce) {
  BodyBudget budget(10);
  BodyShare share(&budget);
  EXPECT_TRUE(share.grow_to(kFree));
  EXPECT_EQ(budget.used(), 0U);
  EXPECT_TRUE(share.grow_to(kFree + 7));
  EXPECT_TRUE(share.grow_to(kFree + 3));
  EXPECT_EQ(budget.used(), 7U);
  EXPECT_TRUE(share.grow_to(kFree + 10));
  EXPECT_FALSE(share.grow_to(kFree + 11));
  EXPECT_EQ(budget.used(), 10U);
  share.release();
  EXPECT_EQ(budget.used(), 0U);
}

TEST(BodyShare, GivesBackAtItsEnd) {
  BodyBudget budget(10);
  { EXPECT_TRUE(BodyShare(&budget).grow_to(kFree + 10)); }
  EXPECT_EQ(budget.used(), 0U);
}

TEST(BodyShare, HasNoLimitWithoutABudget) { EXPECT_TRUE(BodyShare(nullptr).grow_to(std::size_t{1} << 40)); }

TEST(BodyBudget, KeepsItsLimitAndLosesNothingWhenAllProcessorsTake) {
  on_few_and_many_processors([](Context& ctx) {
    constexpr std::size_t kMax = 10;
    BodyBudget budget(kMax);
    TaskGroup group(ctx);
    for (int fiber = 0; fiber < 8; ++fiber) {
      group.go([&](Context&) {
        for (int i = 0; i < kManyTimes / 10; ++i) {
          BodyShare share(&budget);
          static_cast<void>(share.grow_to(kFree + 1));
          static_cast<void>(share.grow_to(kFree + 4));
          EXPECT_LE(budget.used(), kMax);
        }
      });
    }
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(budget.used(), 0U);
  });
}

}  // namespace
}  // namespace sluice::http
