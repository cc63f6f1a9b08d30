// SPDX-License-Identifier: MIT
#include <sluice/runtime/wait_group.hpp>

#include <memory>

#include <gtest/gtest.h>

#include <sluice/runtime/fiber_test.hpp>

namespace sluice {
namespace {

TEST(WaitGroup, HasNothingToWaitForAtZero) {
  in_virtual_time([](Context& ctx) {
    WaitGroup pending;
    EXPECT_TRUE(pending.wait(ctx));
    pending.add(2);
    pending.done();
    pending.done();
    EXPECT_TRUE(pending.wait(ctx));
  });
}

TEST(WaitGroup, LetsAllWaitersGoAtTheLastDone) {
  in_virtual_time([](Context& ctx) {
    WaitGroup pending;
    int gone = 0;
    pending.add(2);
    TaskGroup group{ctx};
    for (int i = 0; i < 3; ++i)
      group.go([&](Context& own) {
        EXPECT_TRUE(pending.wait(own));
        ++gone;
      });
    pending.done();
    let_all_park(ctx);
    EXPECT_EQ(gone, 0);
    pending.done();
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(gone, 3);
  });
}

TEST(WaitGroupDeathTest, IsDoneAsOftenAsWasAdded) {
  EXPECT_DEATH(in_virtual_time([](Context&) {
                 WaitGroup pending;
                 pending.done();
               }),
               "once for each that was added");
}

// The waiter destroys the group the moment it may: done() must have let go of it by then.
TEST(WaitGroupStress, MayDieWhenItsWaiterReturns) {
  on_few_and_many_processors([](Context& ctx) {
    TaskGroup group{ctx};
    for (int round = 0; round < kManyTimes / 20; ++round) {
      auto pending = std::make_unique<WaitGroup>();
      int done = 0;  // plain on purpose: TSan sees it if done() does not come before wait()
      pending->add();
      group.go([&done, at = pending.get()](Context&) {
        done = 1;
        at->done();
      });
      EXPECT_TRUE(pending->wait(ctx));
      EXPECT_EQ(done, 1);
    }
  });
}

}  // namespace
}  // namespace sluice
