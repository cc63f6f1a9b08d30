// SPDX-License-Identifier: MIT
#include <sluice/governance/token_bucket.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::governance {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1h};

int take_all(TokenBucket& bucket, Instant now) {
  int taken = 0;
  while (bucket.try_take(now).allowed) ++taken;
  return taken;
}

// The article's own case, whose bucket counted in whole seconds.
TEST(TokenBucket, LetsFivePassAtOnceAndThenOneEveryHalfSecond) {
  TokenBucket bucket({.per_second = 2, .burst = 5});
  EXPECT_EQ(take_all(bucket, kStart), 5);
  for (int token = 1; token <= 20; ++token) {
    Instant due = kStart + token * 500ms;
    EXPECT_FALSE(bucket.try_take(due - 1ns).allowed);
    EXPECT_EQ(take_all(bucket, due), 1);
  }
}

TEST(TokenBucket, SaysWhatTheHeadersNeed) {
  TokenBucket bucket({.per_second = 2, .burst = 5});
  EXPECT_EQ(bucket.try_take(kStart, 3), (Decision{true, 0ns, 2, 1500ms}));
  EXPECT_EQ(bucket.try_take(kStart, 3), (Decision{false, 500ms, 2, 1500ms}));
  EXPECT_EQ(bucket.try_take(kStart, 2), (Decision{true, 0ns, 0, 2500ms}));
  EXPECT_EQ(bucket.try_take(kStart + 100ms), (Decision{false, 400ms, 0, 2400ms}));
  EXPECT_EQ(bucket.try_take(kStart + 1h, 0), (Decision{true, 0ns, 5, 0ns}));
}

TEST(TokenBucket, HasNoBurstAtTheEdgesOfSeconds) {
  constexpr Duration kBetweenCalls = 7ms;
  TokenBucket bucket({.per_second = 2, .burst = 5});
  std::vector<Instant> passes;
  for (Instant now = kStart; now <= kStart + 20s; now += kBetweenCalls)
    if (bucket.try_take(now).allowed) passes.push_back(now);
  ASSERT_EQ(passes.size(), 5u + 2 * 20 - 1);  // the last token comes with the very last nanosecond, after the last call
  for (std::size_t i = 6; i < passes.size(); ++i) EXPECT_GT(passes[i] - passes[i - 1], 500ms - kBetweenCalls);
}

TEST(TokenBucket, LosesNoFractionWhileNobodyAsks) {
  TokenBucket bucket({.per_second = 2, .burst = 5});
  take_all(bucket, kStart);
  EXPECT_EQ(take_all(bucket, kStart + 750ms), 1);  // half a token is left
  EXPECT_FALSE(bucket.try_take(kStart + 1s - 1ns).allowed);
  EXPECT_TRUE(bucket.try_take(kStart + 1s).allowed);
}

TEST(TokenBucket, KeepsNoMoreThanItsBurst) {
  TokenBucket bucket({.per_second = 1000, .burst = 3});
  take_all(bucket, kStart);
  EXPECT_EQ(take_all(bucket, kStart + 24h), 3);
}

TEST(TokenBucket, OfOneLetsOnePassAnInterval) {
  TokenBucket bucket({.per_second = 10, .burst = 1});
  EXPECT_EQ(take_all(bucket, kStart), 1);
  EXPECT_EQ(take_all(bucket, kStart + 99'999'999ns), 0);
  EXPECT_EQ(take_all(bucket, kStart + 100ms), 1);
}

TEST(TokenBucket, NeverGivesMoreAtOnceThanItHolds) {
  TokenBucket bucket({.per_second = 2, .burst = 5});
  auto decision = bucket.try_take(kStart, 6);
  EXPECT_EQ(decision, (Decision{false, Decision::kNever, 5, 0ns}));
  EXPECT_FALSE(bucket.try_take(kStart + 24h, std::numeric_limits<std::uint32_t>::max()).allowed);
  EXPECT_TRUE(bucket.try_take(kStart, 5).allowed);  // and a refusal costs nothing
}

TEST(TokenBucket, OnlyAsksForZeroTokens) {
  TokenBucket bucket({.per_second = 2, .burst = 5});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(bucket.try_take(kStart, 0).remaining, 5u);
  take_all(bucket, kStart);
  EXPECT_EQ(bucket.try_take(kStart, 0), (Decision{true, 0ns, 0, 2500ms}));
}

TEST(TokenBucket, IsExactForRatesThatDoNotDivideASecond) {
  TokenBucket thirds({.per_second = 3, .burst = 2});
  take_all(thirds, kStart);
  for (std::int64_t token = 1; token <= 3000; ++token) {
    Instant due = kStart + Duration((token * 1'000'000'000 + 2) / 3);  // the first whole nanosecond of it
    ASSERT_FALSE(thirds.try_take(due - 1ns).allowed) << token;
    ASSERT_TRUE(thirds.try_take(due).allowed) << token;
  }
  TokenBucket tenth({.per_second = 0.1, .burst = 1});
  take_all(tenth, kStart);
  EXPECT_EQ(tenth.try_take(kStart).retry_after, 10s);
}

TEST(TokenBucket, IsNeverFasterThanARateThatItCannotMeetExactly) {
  constexpr std::uint32_t kRate = 999'983;  // a prime: no tick fits
  TokenBucket bucket({.per_second = kRate, .burst = kRate});
  ASSERT_TRUE(bucket.try_take(kStart, kRate).allowed);
  EXPECT_FALSE(bucket.try_take(kStart + 1s, kRate).allowed);
  EXPECT_TRUE(bucket.try_take(kStart + 1s + kRate * 1ns / 32, kRate).allowed);  // less than 1/32 ns a token slower
}

TEST(TokenBucket, GivesATokenEachNanosecondAtTheHighestRate) {
  TokenBucket bucket({.per_second = RateLimit::kPerSecondMax, .burst = 2});
  EXPECT_EQ(take_all(bucket, kStart), 2);
  EXPECT_EQ(take_all(bucket, kStart + 1ns), 1);
  EXPECT_EQ(take_all(bucket, kStart + 1s), 2);
}

TEST(TokenBucket, HoldsTheLargestBurstAndTheLongestUptime) {
  RateLimit limit{.per_second = std::numeric_limits<std::uint32_t>::max() / (365 * 86'400.0) + 0.01,
                  .burst = std::numeric_limits<std::uint32_t>::max()};
  TokenBucket bucket(limit);
  Instant late(std::chrono::years(15));
  EXPECT_TRUE(bucket.try_take(late, limit.burst).allowed);
  EXPECT_FALSE(bucket.try_take(late).allowed);
  EXPECT_TRUE(bucket.try_take(late + std::chrono::days(365), limit.burst).allowed);
}

TEST(TokenBucket, DecidesAlikeAtEqualInstants) {
  TokenBucket bucket({.per_second = 2, .burst = 2});
  EXPECT_EQ(bucket.try_take(kStart).remaining, 1u);
  EXPECT_EQ(bucket.try_take(kStart).remaining, 0u);
  EXPECT_EQ(bucket.try_take(kStart), bucket.try_take(kStart));
}

TEST(TokenBucket, KeepsTokensTakenWhenAClockLagsBehindAnothers) {
  TokenBucket bucket({.per_second = 2, .burst = 5});
  take_all(bucket, kStart + 10ms);
  auto late = bucket.try_take(kStart);
  EXPECT_EQ(late, (Decision{false, 510ms, 0, 2510ms}));
  EXPECT_FALSE(bucket.try_take(kStart + 509ms).allowed);
  EXPECT_TRUE(bucket.try_take(kStart + 510ms).allowed);
  EXPECT_FALSE(bucket.try_take(Instant(-5s)).allowed);  // before the clock's own beginning: no harm done
}

/// A bucket filled by hand in whole numbers: a token is 1e9 units, and each nanosecond brings `per_second` of them.
class Model {
 public:
  Model(std::int64_t per_second, std::int64_t burst) : per_second_(per_second), full_(burst * kToken), level_(full_) {}

  Decision take(Instant now, std::int64_t n) {
    level_ = std::min(full_, level_ + (now - last_).count() * per_second_);
    last_ = now;
    std::int64_t missing = n * kToken - level_;
    if (missing <= 0) level_ -= n * kToken;
    return {missing <= 0, missing <= 0 ? 0ns : n * kToken > full_ ? Decision::kNever : nanoseconds_for(missing),
            static_cast<std::uint32_t>(level_ / kToken), nanoseconds_for(full_ - level_)};
  }

 private:
  static constexpr std::int64_t kToken = 1'000'000'000;
  Duration nanoseconds_for(std::int64_t units) const { return Duration((units + per_second_ - 1) / per_second_); }

  std::int64_t per_second_;
  std::int64_t full_;
  std::int64_t level_;
  Instant last_ = kStart;
};

TEST(TokenBucket, AgreesWithAModelInEveryAnswer) {
  constexpr std::uint32_t kSeed = 424242;
  std::mt19937 random(kSeed);
  for (int per_second = 1; per_second <= 32; ++per_second) {
    const std::uint32_t burst = 1 + random() % 12;
    TokenBucket bucket({.per_second = static_cast<double>(per_second), .burst = burst});
    Model model(per_second, burst);
    Instant now = kStart;
    Decision last;
    for (int step = 0; step < 3000; ++step) {
      // Mostly within an interval, often at the very instant that was promised, now and then long after or at once.
      auto choice = random() % 10;
      if (choice < 4) now += Duration(random() % (1'000'000'000 / static_cast<unsigned>(per_second)));
      if (choice >= 4 && choice < 8 && last.retry_after != Decision::kNever) now += last.retry_after;
      if (choice == 8) now += Duration(random() % 4'000'000'000);
      const std::uint32_t n = random() % (burst + 2);
      last = bucket.try_take(now, n);
      ASSERT_EQ(last, model.take(now, n))
          << "seed " << kSeed << " rate " << per_second << " burst " << burst << " step " << step;
    }
  }
}

TEST(TokenBucket, GivesEachTokenToOneThread) {
  constexpr int kThreads = 4;
  TokenBucket bucket({.per_second = 1, .burst = 10'000});
  std::atomic<int> taken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back([&] { taken += take_all(bucket, kStart); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(taken, 10'000);
}

TEST(TokenBucket, NeverExceedsRateTimesTimePlusBurstAmongThreads) {
  constexpr int kThreads = 4, kRounds = 20'000;
  for (std::uint32_t burst : {1, 2, 4}) {
    TokenBucket bucket({.per_second = 1'000'000, .burst = burst});
    ManualClock clock;
    const Instant start = clock.now();
    std::atomic<std::int64_t> taken = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([&, i] {
        for (int round = 0; round < kRounds; ++round) {
          Duration lag = round % 3 == 0 ? Duration(100 * i) : 0ns;  // clocks that disagree a little
          if (bucket.try_take(clock.now() - lag).allowed) ++taken;
          clock.advance(150ns);
        }
      });
    for (auto& thread : threads) thread.join();
    EXPECT_LE(taken, burst + (clock.now() - start) / 1us);
    EXPECT_GT(taken, kRounds / 10);
  }
}

}  // namespace
}  // namespace sluice::governance
