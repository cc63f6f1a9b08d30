// SPDX-License-Identifier: MIT
#include <sluice/governance/queue_delay.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::governance {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart(1h);
constexpr QueueDelay::Options kQuick{.target = 5ms, .interval = 100ms};

TEST(QueueDelay, AdmitsACrowdThatIsGoneWithinTheInterval) {
  QueueDelay delay(kQuick);
  for (int i = 0; i < 90; ++i) EXPECT_TRUE(delay.admit(kStart + i * 1ms, i * 1ms)) << "they wait, but not for long in a row";
  EXPECT_TRUE(delay.admit(kStart + 95ms, 0ms));
  EXPECT_TRUE(delay.admit(kStart + 101ms, 50ms));
  EXPECT_FALSE(delay.is_overloaded()) << "one has not waited";
}

TEST(QueueDelay, RefusesTheStaleWhenAllHaveWaitedForAnInterval) {
  QueueDelay delay(kQuick);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(delay.admit(kStart + i * 1ms, 20ms));
  EXPECT_FALSE(delay.admit(kStart + 100ms, 20ms)) << "the interval is over";
  EXPECT_TRUE(delay.is_overloaded());
  EXPECT_FALSE(delay.admit(kStart + 101ms, 10ms + 1ns));
  EXPECT_TRUE(delay.admit(kStart + 101ms, 10ms)) << "his client still waits";
}

TEST(QueueDelay, IsOverWhenSomebodyHasNotWaitedAndNobodyWasRefused) {
  QueueDelay delay(kQuick);
  for (int i = 0; i <= 100; ++i) static_cast<void>(delay.admit(kStart + i * 1ms, 20ms));
  ASSERT_TRUE(delay.is_overloaded());
  EXPECT_TRUE(delay.admit(kStart + 150ms, 1ms));
  EXPECT_FALSE(delay.admit(kStart + 200ms, 20ms)) << "one was refused in the interval that is over";
  EXPECT_TRUE(delay.admit(kStart + 250ms, 1ms));
  EXPECT_FALSE(delay.admit(kStart + 300ms, 20ms)) << "and in this one";
  EXPECT_TRUE(delay.admit(kStart + 350ms, 1ms));
  EXPECT_TRUE(delay.is_overloaded()) << "until the interval ends";
  EXPECT_TRUE(delay.admit(kStart + 400ms, 1ms)) << "the one before was refused at its beginning";
  EXPECT_TRUE(delay.admit(kStart + 500ms, 20ms));
  EXPECT_FALSE(delay.is_overloaded());
}

TEST(QueueDelay, WhatWasBeforeAPauseSaysNothing) {
  QueueDelay delay(kQuick);
  for (int i = 0; i < 100; ++i) static_cast<void>(delay.admit(kStart + i * 1ms, 20ms));
  EXPECT_TRUE(delay.admit(kStart + 10s, 20ms));
  EXPECT_FALSE(delay.is_overloaded());
}

// One server, each call takes two milliseconds of it, in the order of their arrival, Poisson. Time is made up.
struct Outcome {
  double served_in_time = 0;  // a second; within a second of arriving, after which the client has given up
  Duration p99{};             // of those
};

Outcome serve(double offered, bool is_guarded) {
  constexpr Duration kWork = 2ms, kRefusal = 15us, kPatience = 1s, kWarmUp = 1s, kLength = 21s;
  std::mt19937_64 random(11);
  std::exponential_distribution<double> gap(offered * 500);
  QueueDelay delay;
  std::vector<Duration> latencies;
  Instant arrives = kStart, is_free = kStart;
  while (arrives < kStart + kLength) {
    arrives += std::chrono::duration_cast<Duration>(std::chrono::duration<double>(gap(random)));
    is_free = std::max(is_free, arrives);
    if (is_guarded && !delay.admit(is_free, is_free - arrives)) {
      is_free += kRefusal;
      continue;
    }
    is_free += kWork;
    // It takes half a second to tell overload from a crowd.
    if (arrives >= kStart + kWarmUp && is_free - arrives <= kPatience) latencies.push_back(is_free - arrives);
  }
  std::ranges::sort(latencies);
  return {.served_in_time = static_cast<double>(latencies.size()) / 20, .p99 = latencies.empty() ? Duration() : latencies[latencies.size() * 99 / 100]};
}

TEST(QueueDelay, OverloadCostsAFewPercentAndNoCollapse) {
  Duration p99_at_70 = serve(0.7, true).p99;
  for (double offered : {2.0, 5.0, 10.0}) {
    Outcome guarded = serve(offered, true);
    EXPECT_GT(guarded.served_in_time, offered > 5 ? 450 : 470) << offered << ": of 500; a refusal takes 15 us";
    EXPECT_LE(guarded.p99, 3 * p99_at_70) << offered;
    EXPECT_LT(serve(offered, false).served_in_time, 60) << offered << ": without it nearly nobody is served in time";
  }
  EXPECT_GT(serve(0.9, true).served_in_time, 445) << "below its limit nobody is refused";
}

}  // namespace
}  // namespace sluice::governance
