// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/lock_watch.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>

#include <gtest/gtest.h>

#include <sluice/runtime/cond.hpp>
#include <sluice/runtime/fiber_test.hpp>
#include <sluice/runtime/guarded.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/once.hpp>
#include <sluice/runtime/rw_mutex.hpp>

// Not in sluice::internal, whose functions a report leaves out.
namespace sluice {
namespace {

// What follows the call in each keeps it from being a jump, which would leave no frame behind.
template <class M>
[[gnu::noinline]] void take_the_first(M& mutex) {
  mutex.lock();
  asm volatile("# not the same function as the next one");
}
template <class M>
[[gnu::noinline]] void take_the_second(M& mutex) {
  mutex.lock();
  asm volatile("# nor as this");
}

template <class First, class Second>
void take_both(First& first, Second& second) {
  in_virtual_time([&](Context&) {
    take_the_first(first);
    take_the_second(second);
    second.unlock();
    first.unlock();
  });
}

// Both stacks name who took which lock; a build without checks sees nothing wrong.
template <class First, class Second>
void expect_wrong(First& first, Second& second, const std::string& why) {
  if constexpr (internal::kChecked) {
    EXPECT_DEATH(take_both(first, second),
                 why + ".*it was locked, by fiber.*take_the_first.*this is done, by fiber.*take_the_second");
  } else {
    take_both(first, second);
  }
}

TEST(LockRank, AllowsToGoInwards) {
  Mutex program{LockRank::kProgram}, net{LockRank::kNet}, leaf;
  RwMutex reservoir{LockRank::kReservoir};
  Mutex own{LockRank(7)};
  take_both(own, program);
  take_both(program, reservoir);
  take_both(reservoir, net);
  take_both(net, leaf);
  take_both(program, leaf);
}

TEST(LockRankDeathTest, ForbidsToGoOutwards) {
  Mutex program{LockRank::kProgram}, net{LockRank::kNet};
  RwMutex reservoir{LockRank::kReservoir};
  expect_wrong(net, program, "rank net .400. is held, rank program .100. is wanted");
  expect_wrong(net, reservoir, "rank net .400. is held, rank reservoir .300. is wanted");
  expect_wrong(reservoir, program, "locks are taken in the order of their ranks");
}

TEST(LockRankDeathTest, ForbidsTwoOfOneRank) {
  Mutex one{LockRank::kNet}, other{LockRank::kNet};
  expect_wrong(one, other, "locks are taken in the order of their ranks");
}

TEST(LockRankDeathTest, ALeafHasNothingInsideIt) {
  Mutex leaf, other_leaf, net{LockRank::kNet};
  expect_wrong(leaf, net, "locks are taken in the order of their ranks");
  expect_wrong(leaf, other_leaf, "locks are taken in the order of their ranks");
}

TEST(LockRankDeathTest, IsLookedAtAlsoWhereReadersAndContextsLock) {
  if constexpr (!internal::kChecked) GTEST_SKIP() << "needs -DSLUICE_CHECKS=ON";
  auto lock_inside_a_leaf = [](auto how) {
    in_virtual_time([&](Context& ctx) {
      Guarded<int> leaf;
      RwMutex net{LockRank::kNet};
      auto locked = leaf.lock();
      how(net, ctx);
    });
  };
  const char* why = "locks are taken in the order";
  EXPECT_DEATH(lock_inside_a_leaf([](RwMutex& net, Context&) { net.lock_shared(); }), why);
  EXPECT_DEATH(lock_inside_a_leaf([](RwMutex& net, Context& ctx) { static_cast<void>(net.lock(ctx)); }), why);
  EXPECT_DEATH(lock_inside_a_leaf([](RwMutex& net, Context& ctx) { static_cast<void>(net.lock_shared(ctx)); }), why);
}

// It does not wait. What it takes counts all the same.
TEST(LockRankDeathTest, TryingIsAllowedInAnyOrder) {
  Mutex leaf, other_leaf, net{LockRank::kNet};
  auto try_outwards = [&](bool lock_one_more) {
    in_virtual_time([&](Context&) {
      std::lock_guard hold(leaf);
      EXPECT_TRUE(net.try_lock());
      if (lock_one_more) std::lock_guard wrong(other_leaf);
      net.unlock();
    });
  };
  try_outwards(false);
  if constexpr (internal::kChecked) {
    EXPECT_DEATH(try_outwards(true), "locks are taken in the order");
  }
}

TEST(LockRank, OfOneFiberIsNoBusinessOfAnother) {
  in_virtual_time([](Context& ctx) {
    Mutex leaf, net{LockRank::kNet};
    std::unique_lock hold(leaf);
    TaskGroup group{ctx};
    group.go([&](Context&) { std::lock_guard inner(net); });
    group.go([&](Context&) { std::lock_guard waits(leaf); });
    let_all_park(ctx);
    hold.unlock();
    EXPECT_TRUE(group.wait());
  });
}

TEST(LockRank, IsForgottenWhenTheLockIsGivenBack) {
  in_virtual_time([](Context& ctx) {
    Mutex leaf, net{LockRank::kNet};
    RwMutex rw{LockRank::kNet};
    { std::lock_guard hold(leaf); }
    { std::lock_guard hold(net); }
    { std::shared_lock hold(rw); }
    ASSERT_TRUE(leaf.lock(ctx));
    leaf.unlock();
    Context ended{ctx};
    ended.cancel();
    EXPECT_FALSE(leaf.lock(ended));  // it is not ours then
    std::lock_guard hold(net);
  });
}

TEST(LockRank, AWaitForACondHoldsNothing) {
  in_virtual_time([](Context& ctx) {
    Mutex leaf, net{LockRank::kNet};
    Cond cond;
    TaskGroup group{ctx};
    group.go([&](Context& own) {
      std::unique_lock hold(leaf);
      EXPECT_TRUE(cond.wait(own, hold));
    });
    let_all_park(ctx);
    {
      std::lock_guard outer(net);
      std::lock_guard inner(leaf);
      cond.signal();
    }
    EXPECT_TRUE(group.wait());
  });
}

TEST(LockRank, OfGuardedIsItsMutexs) {
  in_virtual_time([](Context&) {
    Guarded<std::string> outer{LockRank::kProgram, "outer"};
    RwGuarded<int> inner{LockRank::kNet, 7};
    auto locked = outer.lock();
    EXPECT_EQ(*locked, "outer");
    inner.read([](int value) { EXPECT_EQ(value, 7); });
  });
}

TEST(LockRankDeathTest, OfOnceIsWhatItsFunctionHolds) {
  auto lock_inside = [](Once& once) {
    in_virtual_time([&](Context&) {
      Mutex net{LockRank::kNet};
      once.call([&] { take_the_second(net); });
      net.unlock();
    });
  };
  Once outer{LockRank::kProgram};
  lock_inside(outer);
  Once leaf;
  if constexpr (internal::kChecked) {
    EXPECT_DEATH(lock_inside(leaf), "rank leaf .*it was locked, by fiber.*this is done, by fiber.*take_the_second");
  } else {
    lock_inside(leaf);
  }
}

TEST(LockWatchDeathTest, AFiberDoesNotWaitForItself) {
  if constexpr (!internal::kChecked) GTEST_SKIP() << "it would wait for ever; needs -DSLUICE_CHECKS=ON";
  Mutex mutex;
  RwMutex rw;
  EXPECT_DEATH(take_both(mutex, mutex), "it would wait for itself.*it was locked.*take_the_first.*take_the_second");
  auto read_twice = [&] {
    in_virtual_time([&](Context&) {
      std::shared_lock first(rw);
      std::shared_lock second(rw);
    });
  };
  EXPECT_DEATH(read_twice(), "it would wait for itself");
}

TEST(LockWatchDeathTest, AMutexIsUnlockedByItsHolder) {
  if constexpr (!internal::kChecked) GTEST_SKIP() << "needs -DSLUICE_CHECKS=ON";
  auto unlock_others = [](auto& mutex, auto unlock) {
    in_virtual_time([&](Context& ctx) {
      TaskGroup group{ctx};
      take_the_first(mutex);
      group.go([&](Context&) { unlock(); });
      let_all_park(ctx);
    });
  };
  Mutex mutex;
  RwMutex rw;
  const char* why = "by its holder, and not by another fiber.*it was locked, by fiber.*take_the_first";
  EXPECT_DEATH(unlock_others(mutex, [&] { mutex.unlock(); }), why);
  EXPECT_DEATH(unlock_others(rw, [&] { rw.unlock(); }), why);
}

TEST(LockWatchDeathTest, AFiberEndsWithoutLocks) {
  if constexpr (!internal::kChecked) GTEST_SKIP() << "needs -DSLUICE_CHECKS=ON";
  Mutex mutex;
  EXPECT_DEATH(in_virtual_time([&](Context&) { take_the_first(mutex); }), "before it ends.*it was locked.*take_the_first");
}

TEST(LockWatchDeathTest, AMutexIsNotDestroyedByItsHolder) {
  if constexpr (!internal::kChecked) GTEST_SKIP() << "needs -DSLUICE_CHECKS=ON";
  auto destroy = [] {
    in_virtual_time([](Context&) {
      auto mutex = std::make_unique<Mutex>();
      take_the_first(*mutex);
    });
  };
  EXPECT_DEATH(destroy(), "not destroyed while it is locked.*it was locked.*take_the_first");
}

TEST(LockWatch, LeavesAloneWhatIsLockedOutsideOfFibers) {
  Mutex mutex, net{LockRank::kNet};
  mutex.lock();
  net.lock();
  net.unlock();
  in_virtual_time([&](Context&) { mutex.unlock(); });
}

TEST(LockWatchStress, KeepsUpWithManyFibers) {
  on_few_and_many_processors([](Context& ctx) {
    Mutex outer{LockRank::kProgram}, inner;
    RwMutex middle{LockRank::kReservoir};
    int guarded = 0;
    TaskGroup group{ctx};
    for (int i = 0; i < 8; ++i)
      group.go([&](Context&) {
        for (int round = 0; round < kManyTimes / 100; ++round) {
          std::lock_guard hold_outer(outer);
          std::shared_lock hold_middle(middle);
          std::lock_guard hold_inner(inner);
          ++guarded;
        }
      });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(guarded, 8 * (kManyTimes / 100));
  });
}

}  // namespace
}  // namespace sluice
