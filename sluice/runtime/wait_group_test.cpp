// SPDX-License-Identifier: MIT
#include <sluice/runtime/wait_group.hpp>

#include <memory>

#include <gtest/gtest.h>

#include <sluice/runtime/many_seeds_test.hpp>

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

TEST(WaitGroupProperty, LetsGoOnlyAtZero) {
  over_many_seeds([](Context& ctx, Chance& chance) {
    WaitGroup pending;
    std::size_t count = 0;
    int zeros = 0;
    TaskGroup group{ctx};
    for (int fiber = 0; fiber < 3; ++fiber)
      group.go([&](Context&) {
        for (int step = 0; step < 10; ++step) {
          std::size_t added = chance.below(3) + 1;
          pending.add(added);
          count += added;
          for (; added > 0; --added) {
            chance.wander();
            if (--count == 0) ++zeros;
            pending.done();
          }
          chance.wander();
        }
      });
    for (int fiber = 0; fiber < 4; ++fiber)
      group.go([&](Context& own) {
        for (int step = 0; step < 10; ++step) {
          Context request{own, chance.one_in(2) ? Duration(chance.below(10)) : Duration::max()};
          bool is_at_zero = count == 0;
          int zeros_before = zeros;
          if (pending.wait(request)) {
            EXPECT_TRUE(is_at_zero || zeros > zeros_before);
          } else {
            EXPECT_TRUE(request.is_cancelled());
          }
          chance.wander();
        }
      });
    EXPECT_TRUE(group.wait());
  });
}

}  // namespace
}  // namespace sluice
