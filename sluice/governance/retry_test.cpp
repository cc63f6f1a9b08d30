// SPDX-License-Identifier: MIT
#include <sluice/governance/retry.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::governance {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1h};

TEST(Retry, HelpsAgainstWhatPasses) {
  for (Code code : {Code::kUnavailable, Code::kAborted, Code::kResourceExhausted}) EXPECT_TRUE(may_pass_later(code));
  for (Code code : {Code::kCancelled, Code::kUnknown, Code::kInvalidArgument, Code::kDeadlineExceeded, Code::kNotFound,
                    Code::kAlreadyExists, Code::kPermissionDenied, Code::kFailedPrecondition, Code::kOutOfRange,
                    Code::kUnimplemented, Code::kInternal, Code::kDataLoss, Code::kUnauthenticated})
    EXPECT_FALSE(may_pass_later(code)) << to_string(code);
}

int takes(RetryBudget& budget, Instant now) {
  int count = 0;
  while (budget.try_take(now)) ++count;
  return count;
}

TEST(RetryBudget, AllowsATenthOfTheCallsBesidesItsFloor) {
  RetryBudget budget({.share = 0.1, .per_second = 1, .kept = 5});
  EXPECT_EQ(takes(budget, kStart), 5) << "the floor's";
  for (int i = 0; i < 39; ++i) budget.on_call();
  EXPECT_EQ(takes(budget, kStart), 3) << "earned";
  budget.on_call();
  EXPECT_EQ(takes(budget, kStart), 1) << "what was left of the 39 counts";
  EXPECT_EQ(takes(budget, kStart + 2s), 2) << "the floor's, again";
}

TEST(RetryBudget, KeepsNoMoreThanItMay) {
  RetryBudget budget({.share = 1, .per_second = 1, .kept = 3});
  for (int i = 0; i < 1000; ++i) budget.on_call();
  EXPECT_EQ(takes(budget, kStart), 3 + 3);
  EXPECT_EQ(takes(budget, kStart + 1h), 3);
}

// A callee of which everything fails: what it gets is bounded by the share, not by how often each client would try.
TEST(RetryBudget, BoundsWhatAnOutageGets) {
  RetryBudget budget;
  int sent = 0;
  for (int call = 0; call < 10'000; ++call) {
    Instant now = kStart + call * 1ms;
    budget.on_call();
    for (int attempt = 0; attempt < 3; ++attempt) {
      ++sent;
      if (!budget.try_take(now)) break;
    }
  }
  EXPECT_GE(sent, 11'000);
  EXPECT_LE(sent, 11'000 + 10 + 10 + 1) << "ten seconds of the floor, and what it kept";
}

TEST(RetryBudget, IsTakenOnceByWhoeverComes) {
  RetryBudget budget({.share = 0.1, .per_second = 1e-3, .kept = 1000});
  static_cast<void>(takes(budget, kStart));
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        budget.on_call();
        taken += budget.try_take(kStart) ? 1 : 0;
      }
    });
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(taken + takes(budget, kStart), 400);
}

TEST(Backoff, DrawsWithinABoundThatDoublesUpToTheLongest) {
  std::vector<Duration> longest(8, Duration(0));
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Backoff backoff({.first = 100ms, .longest = 1s}, seed);
    for (Duration& most : longest) most = std::max(most, backoff.next());
  }
  const Duration bounds[] = {100ms, 200ms, 400ms, 800ms, 1s, 1s, 1s, 1s};
  for (std::size_t i = 0; i < longest.size(); ++i) {
    EXPECT_LE(longest[i], bounds[i]);
    EXPECT_GT(longest[i], bounds[i] * 9 / 10) << "of a thousand";
  }
}

TEST(Backoff, SpreadsThoseWhomOneOutageHasMet) {
  std::set<Duration> waits;
  for (std::uint64_t seed = 0; seed < 100; ++seed) waits.insert(Backoff(seed).next());
  EXPECT_GT(waits.size(), 95U);
}

TEST(Backoff, IsTheSameForTheSameSeed) {
  Backoff one(7), other(7);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(one.next(), other.next());
}

TEST(Backoff, ComesBackWhenItWasToldToButNotWithAllTheOthers) {
  std::set<Duration> waits;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Duration wait = Backoff({.first = 100ms, .longest = 1s}, seed).next(30s);
    EXPECT_GE(wait, 30s);
    EXPECT_LE(wait, 30s + 100ms);
    waits.insert(wait);
  }
  EXPECT_GT(waits.size(), 95U);
}

}  // namespace
}  // namespace sluice::governance
