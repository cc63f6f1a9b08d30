// SPDX-License-Identifier: MIT
#include <sluice/governance/keyed_buckets.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/governance/token_bucket.hpp>

namespace sluice::governance {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1h};
constexpr std::array<std::uint64_t, 2> kSeed{1, 2};
constexpr std::size_t kOneSet = 7;  // so many keys that all meet in one place

std::string key(int number) { return "patient-" + std::to_string(number); }

int take_all(KeyedBuckets& buckets, std::string_view of, Instant now) {
  int taken = 0;
  while (buckets.try_take(of, now).allowed) ++taken;
  return taken;
}

TEST(KeyedBuckets, GiveEachKeyItsOwn) {
  KeyedBuckets buckets({.per_second = 2, .burst = 5}, kSeed);
  EXPECT_EQ(take_all(buckets, "a", kStart), 5);
  EXPECT_EQ(take_all(buckets, "b", kStart), 5);
  EXPECT_EQ(take_all(buckets, "", kStart), 5);
  EXPECT_EQ(take_all(buckets, "a", kStart + 500ms), 1);
  EXPECT_EQ(buckets.forgotten(), 0u);
}

TEST(KeyedBuckets, AnswerAsATokenBucketDoes) {
  KeyedBuckets buckets({.per_second = 3, .burst = 4}, kSeed);
  TokenBucket bucket({.per_second = 3, .burst = 4});
  for (int step = 0; step < 200; ++step) {
    Instant now = kStart + step * 137ms;
    auto n = static_cast<std::uint32_t>(step % 6);
    ASSERT_EQ(buckets.try_take("a", now, n), bucket.try_take(now, n)) << "step " << step;
  }
}

TEST(KeyedBuckets, ForgetAFullBucketWithoutAnybodyNoticing) {
  KeyedBuckets buckets({.per_second = 1, .burst = 3}, kSeed, kOneSet);
  Instant now = kStart;
  for (int number = 0; number < 100; ++number) {
    EXPECT_EQ(take_all(buckets, key(number), now), 3) << number;
    now += 3s;
  }
  EXPECT_EQ(buckets.forgotten(), 0u);
}

TEST(KeyedBuckets, ForgetTheOneThatHadUsedLeastWhenAllAreInUse) {
  KeyedBuckets buckets({.per_second = 1, .burst = 10}, kSeed, kOneSet);
  for (int number = 0; number < 7; ++number)
    EXPECT_TRUE(buckets.try_take(key(number), kStart, static_cast<std::uint32_t>(10 - number)).allowed);
  EXPECT_TRUE(buckets.try_take("eighth", kStart, 9).allowed);
  EXPECT_EQ(buckets.forgotten(), 1u);
  EXPECT_EQ(buckets.try_take(key(0), kStart, 0).remaining, 0u);
  EXPECT_EQ(buckets.try_take(key(5), kStart, 0).remaining, 5u);
  EXPECT_EQ(buckets.try_take(key(6), kStart, 0).remaining, 10u);  // had taken 4, got them back
}

TEST(KeyedBuckets, DoNotLetACrowdOfInventedKeysFreeOneThatIsHeldBack) {
  KeyedBuckets buckets({.per_second = 1, .burst = 10}, kSeed, kOneSet);
  take_all(buckets, "held back", kStart);
  for (int number = 0; number < 10'000; ++number) EXPECT_TRUE(buckets.try_take(key(number), kStart).allowed);
  EXPECT_FALSE(buckets.try_take("held back", kStart).allowed);
  EXPECT_GT(buckets.forgotten(), 9'000u);
}

TEST(KeyedBuckets, GiveNoRoomToWhoTakesNothing) {
  KeyedBuckets buckets({.per_second = 1, .burst = 2}, kSeed, kOneSet);
  for (int number = 0; number < 7; ++number) take_all(buckets, key(number), kStart);
  EXPECT_FALSE(buckets.try_take("too many", kStart, 3).allowed);
  EXPECT_TRUE(buckets.try_take("only asks", kStart, 0).allowed);
  for (int number = 0; number < 7; ++number) EXPECT_FALSE(buckets.try_take(key(number), kStart).allowed);
  EXPECT_EQ(buckets.forgotten(), 0u);
}

TEST(KeyedBuckets, RememberAsManyKeysAsAskedFor) {
  constexpr int kKeys = 20'000;
  KeyedBuckets buckets({.per_second = 1, .burst = 1}, kSeed, std::size_t{2} * kKeys);
  for (int number = 0; number < kKeys; ++number) EXPECT_TRUE(buckets.try_take(key(number), kStart).allowed);
  int again = 0;
  for (int number = 0; number < kKeys; ++number) again += buckets.try_take(key(number), kStart).allowed;
  EXPECT_LT(again, kKeys / 100);  // sets fill unevenly; half full, few of them overflow
}

// One set, as many keys as it holds: every call meets every other.
TEST(KeyedBuckets, GiveEachTokenToOneThread) {
  constexpr int kThreads = 4, kKeys = 4, kBurst = 2000;
  KeyedBuckets buckets({.per_second = 1, .burst = kBurst}, kSeed, kOneSet);
  std::atomic<int> taken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      for (int number = 0; number < kKeys; ++number) taken += take_all(buckets, key((number + i) % kKeys), kStart);
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(taken, kKeys * kBurst);
}

}  // namespace
}  // namespace sluice::governance
