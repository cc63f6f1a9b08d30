// SPDX-License-Identifier: MIT
#include <sluice/runtime/semaphore.hpp>

#include <atomic>
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include <sluice/runtime/many_seeds_test.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(Semaphore, GivesItsUnitsAndNotOneMore) {
  in_virtual_time([](Context& ctx) {
    Semaphore semaphore{3};
    EXPECT_TRUE(semaphore.acquire(ctx, 2));
    EXPECT_FALSE(semaphore.try_acquire(2));
    EXPECT_TRUE(semaphore.try_acquire());
    EXPECT_FALSE(semaphore.try_acquire());
    EXPECT_TRUE(semaphore.try_acquire(0));
    semaphore.release(3);
    EXPECT_TRUE(semaphore.acquire(ctx, 3));
  });
}

// As in Go: the end of the context came before the call.
TEST(Semaphore, GivesNothingToWhoseContextHasEnded) {
  in_virtual_time([](Context& ctx) {
    Semaphore semaphore{1};
    Context ended{ctx};
    ended.cancel(Error(Code::kAborted, "too late"));
    EXPECT_EQ(semaphore.acquire(ended).error().code(), Code::kAborted);
    EXPECT_TRUE(semaphore.try_acquire());
  });
}

TEST(Semaphore, ParksUntilEnoughIsReleased) {
  in_virtual_time([](Context& ctx) {
    Semaphore semaphore{0};
    bool got_them = false;
    TaskGroup group{ctx};
    group.go([&](Context& own) -> Result<void> {
      SLUICE_TRY(semaphore.acquire(own, 2));
      got_them = true;
      return {};
    });
    let_all_park(ctx);
    semaphore.release();
    let_all_park(ctx);
    EXPECT_FALSE(got_them);
    semaphore.release();
    EXPECT_TRUE(group.wait());
    EXPECT_TRUE(got_them);
  });
}

// First come, first served: what a small request could take now is saved for the large one before it.
TEST(Semaphore, NobodyOvertakesALargeRequest) {
  in_virtual_time([](Context& ctx) {
    Semaphore semaphore{1};
    std::string order;
    TaskGroup group{ctx};
    for (std::size_t units : {3, 1, 2}) {
      group.go([&, units](Context& own) -> Result<void> {
        SLUICE_TRY(semaphore.acquire(own, units));
        order += std::to_string(units);
        return {};
      });
      let_all_park(ctx);
    }
    EXPECT_FALSE(semaphore.try_acquire());
    semaphore.release(5);
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(order, "312");
    EXPECT_FALSE(semaphore.try_acquire());
  });
}

TEST(Semaphore, WhoGivesUpLetsTheNextOneThrough) {
  in_virtual_time([](Context& ctx) {
    Semaphore semaphore{1};
    Context impatient{ctx, 1s};
    bool got_it = false;
    TaskGroup group{ctx};
    group.go([&](Context&) {
      EXPECT_EQ(semaphore.acquire(impatient, 2).error().code(), Code::kDeadlineExceeded);
    });
    let_all_park(ctx);
    group.go([&](Context& own) -> Result<void> {
      SLUICE_TRY(semaphore.acquire(own));
      got_it = true;
      return {};
    });
    let_all_park(ctx);
    EXPECT_FALSE(got_it);
    EXPECT_TRUE(group.wait());
    EXPECT_TRUE(got_it);
  });
}

TEST(SemaphoreStress, KeepsItsCountWhileWaitersComeAndGiveUp) {
  on_few_and_many_processors([](Context& ctx) {
    constexpr int kUnits = 3;
    Semaphore semaphore{kUnits};
    std::atomic<int> inside{0};
    TaskGroup group{ctx};
    for (int i = 0; i < 8; ++i)
      group.go([&, i](Context& own) {
        std::size_t units = static_cast<std::size_t>(i % kUnits) + 1;
        for (int round = 0; round < kManyTimes / 40; ++round) {
          Context request{own};
          TaskGroup canceller{own};
          if (round % 4 == 0) canceller.go([&](Context&) { request.cancel(); });
          if (!semaphore.acquire(request, units)) continue;
          EXPECT_LE(inside.fetch_add(static_cast<int>(units)) + static_cast<int>(units), kUnits);
          if (round % 8 == 0) yield();
          inside.fetch_sub(static_cast<int>(units));
          semaphore.release(units);
        }
      });
    EXPECT_TRUE(group.wait());
    EXPECT_TRUE(semaphore.try_acquire(kUnits));
    EXPECT_FALSE(semaphore.try_acquire());
  });
}

TEST(SemaphoreProperty, GivesWhatItHasAndForgetsNobody) {
  over_many_seeds([](Context& ctx, Chance& chance) {
    const std::size_t capacity = chance.below(5) + 1;
    Semaphore semaphore{capacity};
    std::size_t used = 0;
    TaskGroup group{ctx};
    for (int fiber = 0; fiber < 6; ++fiber)
      group.go([&](Context& own) {
        for (int step = 0; step < 15; ++step) {
          std::size_t units = chance.below(capacity) + 1;
          Context request{own, chance.one_in(3) ? Duration(chance.below(10)) : Duration::max()};
          bool has_them = chance.one_in(4) ? semaphore.try_acquire(units) : semaphore.acquire(request, units).has_value();
          if (!has_them) continue;
          used += units;
          EXPECT_LE(used, capacity);
          chance.wander();
          used -= units;
          semaphore.release(units);
          chance.wander();
        }
      });
    EXPECT_TRUE(group.wait());
    EXPECT_TRUE(semaphore.try_acquire(capacity));
    EXPECT_FALSE(semaphore.try_acquire());
  });
}

}  // namespace
}  // namespace sluice
