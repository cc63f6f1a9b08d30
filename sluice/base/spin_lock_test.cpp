// SPDX-License-Identifier: MIT
#include <sluice/base/spin_lock.hpp>

#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(SpinLock, IsHeldByOneAtATime) {
  SpinLock lock;
  EXPECT_TRUE(lock.try_lock());
  EXPECT_FALSE(lock.try_lock());
  lock.unlock();
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
}

TEST(SpinLock, LosesNoUpdateAmongThreads) {
  constexpr int kThreads = 4, kRounds = 20'000;
  SpinLock lock;
  int guarded = 0;  // plain on purpose: TSan sees it if the lock does not order its holders
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        std::lock_guard hold(lock);
        ++guarded;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(guarded, kThreads * kRounds);
}

}  // namespace
}  // namespace sluice
