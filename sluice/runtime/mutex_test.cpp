// SPDX-License-Identifier: MIT
#include <sluice/runtime/mutex.hpp>

#include <mutex>
#include <string>

#include <gtest/gtest.h>

#include <sluice/runtime/many_seeds_test.hpp>

namespace sluice {
namespace {

TEST(Mutex, IsHeldByOneAtATime) {
  in_virtual_time([](Context& ctx) {
    Mutex mutex;
    bool got_it = false;
    TaskGroup group{ctx};
    mutex.lock();
    EXPECT_FALSE(mutex.try_lock());
    group.go([&](Context&) {
      std::lock_guard hold(mutex);
      got_it = true;
    });
    let_all_park(ctx);
    EXPECT_FALSE(got_it);
    mutex.unlock();
    EXPECT_TRUE(group.wait());
    EXPECT_TRUE(got_it);
    EXPECT_TRUE(mutex.try_lock());
    mutex.unlock();
  });
}

// Whoever comes by takes a free lock; a waiter loses to such a one once, and no more than once.
TEST(Mutex, IsHandedToAWaiterThatHasLostOnce) {
  in_virtual_time([](Context& ctx) {
    Mutex mutex;
    bool got_it = false;
    TaskGroup group{ctx};
    mutex.lock();
    group.go([&](Context&) {
      std::lock_guard hold(mutex);
      got_it = true;
    });
    let_all_park(ctx);
    mutex.unlock();
    EXPECT_TRUE(mutex.try_lock());  // the waiter has been woken, but has not run yet
    let_all_park(ctx);
    EXPECT_FALSE(got_it);
    mutex.unlock();
    EXPECT_FALSE(mutex.try_lock());
    EXPECT_TRUE(group.wait());
    EXPECT_TRUE(got_it);
  });
}

// Else whoever had come after it would be served first.
TEST(Mutex, AWaiterThatCameTooLateKeepsItsPlaceBeforeTheOthers) {
  in_virtual_time([](Context& ctx) {
    Mutex mutex;
    std::string order;
    TaskGroup group{ctx};
    mutex.lock();
    for (char name : {'a', 'b', 'c'}) {
      group.go([&, name](Context&) {
        std::lock_guard hold(mutex);
        order += name;
      });
      let_all_park(ctx);
    }
    mutex.unlock();
    EXPECT_TRUE(mutex.try_lock());  // a has been woken, but has not run yet
    let_all_park(ctx);              // now it has, and waits again
    mutex.unlock();
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(order, "abc");
  });
}

TEST(Mutex, GoesToTheNextWaiterIfTheFirstOneGivesUp) {
  in_virtual_time([](Context& ctx) {
    Mutex mutex;
    Context request{ctx};
    bool got_it = false;
    TaskGroup group{ctx};
    mutex.lock();
    group.go([&](Context&) { EXPECT_FALSE(mutex.lock(request)); });
    let_all_park(ctx);
    group.go([&](Context&) {
      std::lock_guard hold(mutex);
      got_it = true;
    });
    let_all_park(ctx);
    request.cancel();
    mutex.unlock();  // before the first one has seen that it may not wait any more
    EXPECT_TRUE(group.wait());
    EXPECT_TRUE(got_it);
  });
}

TEST(MutexDeathTest, IsUnlockedOnlyByItsHolder) {
  EXPECT_DEATH(in_virtual_time([](Context&) {
                 Mutex mutex;
                 mutex.unlock();
               }),
               "a mutex is unlocked by its holder");
}

TEST(MutexStress, LosesNoUpdate) {
  on_few_and_many_processors([](Context& ctx) {
    constexpr int kFibers = 8;
    Mutex mutex;
    int guarded = 0;  // plain on purpose: TSan sees it if the lock does not order its holders
    TaskGroup group{ctx};
    for (int i = 0; i < kFibers; ++i)
      group.go([&, i](Context&) {
        for (int round = 0; round < kManyTimes / 10; ++round) {
          std::lock_guard hold(mutex);
          ++guarded;
          if ((round + i) % 64 == 0) yield();  // against the advice, so that others meet it locked
        }
      });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(guarded, kFibers * (kManyTimes / 10));
  });
}

TEST(MutexProperty, HasOneHolderAndLetsAllIn) {
  over_many_seeds([](Context& ctx, Chance& chance) {
    Mutex mutex;
    int holders = 0;
    TaskGroup group{ctx};
    for (int fiber = 0; fiber < 6; ++fiber)
      group.go([&](Context& own) {
        for (int step = 0; step < 20; ++step) {
          Context hasty{own, Duration(chance.below(6))};
          switch (chance.below(4)) {
            case 0:
              if (!mutex.try_lock()) continue;
              break;
            case 1:
              if (!mutex.lock(hasty)) continue;
              break;
            default: mutex.lock();
          }
          EXPECT_EQ(++holders, 1);
          chance.wander();  // against the advice
          --holders;
          mutex.unlock();
          chance.wander();
        }
      });
    EXPECT_TRUE(group.wait());
    EXPECT_TRUE(mutex.try_lock());
    mutex.unlock();
  });
}

}  // namespace
}  // namespace sluice
