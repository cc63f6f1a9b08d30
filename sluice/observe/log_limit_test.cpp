// SPDX-License-Identifier: MIT
#include <sluice/observe/log_limit.hpp>

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::observe {
namespace {

using namespace std::chrono_literals;

TEST(LogLimit, LetsOnePassAnIntervalAndTellsHowManyItHeldBack) {
  ManualClock clock;
  LogLimit limit(1s);
  EXPECT_EQ(limit.pass(clock.now()), 0u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.pass(clock.now()), std::nullopt);
  clock.advance(999ms);
  EXPECT_EQ(limit.pass(clock.now()), std::nullopt);
  clock.advance(1ms);
  EXPECT_EQ(limit.pass(clock.now()), 4u);
  clock.advance(1h);
  EXPECT_EQ(limit.pass(clock.now()), 0u);
}

TEST(LogLimit, ForgetsNoneAmongThreads) {
  constexpr int kThreads = 4, kRounds = 20'000;
  ManualClock clock;
  LogLimit limit(1ms);
  std::atomic<std::uint64_t> told = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        if (auto held_back = limit.pass(clock.now())) told += 1 + *held_back;
        if (round % 100 == 0) clock.advance(1ms);
      }
    });
  for (auto& thread : threads) thread.join();
  clock.advance(1h);
  told += 1 + *limit.pass(clock.now());
  EXPECT_EQ(told, std::uint64_t{kThreads} * kRounds + 1);
}

}  // namespace
}  // namespace sluice::observe
