// SPDX-License-Identifier: MIT
#include <sluice/runtime/sharded_counter.hpp>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/many_seeds_test.hpp>

namespace sluice {
namespace {

TEST(ShardedCounter, CountsEveryCall) {
  in_virtual_time([](Context& ctx) {
    // [example]
    ShardedCounter calls;
    calls.add();
    // [/example]
    EXPECT_EQ(calls.value(), 1);
    TaskGroup group{ctx};
    for (int i = 0; i < 10; ++i) group.go([&](Context&) { calls.add(); });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(calls.value(), 11);
  });
}

TEST(ShardedCounter, CountsDownAsWell) {
  ShardedCounter under_way;
  under_way.add(3);
  under_way.add(-5);
  EXPECT_EQ(under_way.value(), -2);
}

TEST(ShardedCounterStress, LosesNothingOnAnyThreadAndNeverRunsBackwards) {
  constexpr int kThreads = 4;
  const int each = kManyTimes;
  ShardedCounter calls;
  std::atomic<int> running{kThreads};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < each; ++k) calls.add();
      running.fetch_sub(1);
    });
  for (std::int64_t seen = 0; running.load() > 0;) {
    std::int64_t now = calls.value();
    EXPECT_GE(now, seen);
    seen = now;
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(calls.value(), std::int64_t{kThreads} * each);
}

TEST(ShardedCounterStress, LosesNothingWhenFibersMigrate) {
  on_few_and_many_processors([](Context& ctx) {
    ShardedCounter calls;
    TaskGroup group{ctx};
    for (int i = 0; i < 8; ++i)
      group.go([&](Context&) {
        for (int k = 0; k < kManyTimes / 20; ++k) {
          calls.add(k % 2 == 0 ? 3 : -1);
          if (k % 16 == 0) yield();
        }
      });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(calls.value(), std::int64_t{8} * (kManyTimes / 20));
  });
}

}  // namespace
}  // namespace sluice
