// SPDX-License-Identifier: MIT
#include <sluice/governance/rolling_window.hpp>

#include <chrono>
#include <deque>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::governance {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart(1h);
using Window = RollingWindow<int, 4>;

std::vector<int> all(const Window& window, Instant now) {
  std::vector<int> buckets;
  window.for_each(now, [&](int bucket) { buckets.push_back(bucket); });
  return buckets;
}

std::vector<int> past(const Window& window, Instant now) {
  std::vector<int> buckets;
  window.for_each_past(now, [&](int bucket) { buckets.push_back(bucket); });
  return buckets;
}

TEST(RollingWindow, KeepsTheLastStretchesOldestFirst) {
  Window window(100ms, kStart);
  for (int i = 0; i < 6; ++i) window.at(kStart + i * 100ms) = i + 1;
  EXPECT_EQ(all(window, kStart + 550ms), (std::vector{3, 4, 5, 6}));
  EXPECT_EQ(past(window, kStart + 550ms), (std::vector{3, 4, 5}));
}

TEST(RollingWindow, LeavesOutWhatIsTooOldWithoutBeingWrittenTo) {
  Window window(100ms, kStart);
  for (int i = 0; i < 4; ++i) window.at(kStart + i * 100ms) = i + 1;
  EXPECT_EQ(all(window, kStart + 400ms), (std::vector{2, 3, 4}));
  EXPECT_EQ(past(window, kStart + 400ms), (std::vector{2, 3, 4})) << "the stretch of now has no bucket yet";
  EXPECT_EQ(all(window, kStart + 699ms), (std::vector{4}));
  EXPECT_EQ(all(window, kStart + 700ms), std::vector<int>());
  EXPECT_EQ(all(window, kStart + 1000h), std::vector<int>());
}

TEST(RollingWindow, EdgesStayWhereTheyWere) {
  Window window(100ms, kStart);
  window.at(kStart + 250ms) = 1;  // its stretch began at 200
  window.at(kStart + 299ms) += 1;
  window.at(kStart + 300ms) += 5;
  EXPECT_EQ(all(window, kStart + 300ms), (std::vector{0, 0, 2, 5}));
}

TEST(RollingWindow, TakesALateInstantForTheCurrentStretch) {
  Window window(100ms, kStart);
  window.at(kStart + 500ms) = 1;
  window.at(kStart + 450ms) += 1;
  window.at(kStart - 1h) += 1;
  EXPECT_EQ(all(window, kStart + 500ms), (std::vector{0, 0, 0, 3}));
}

// Whatever is expired, and what is left, is what a list of (instant, amount) says.
TEST(RollingWindow, AgreesWithAModel) {
  std::mt19937 random(7);
  Window window(100ms, kStart);
  std::deque<std::pair<std::int64_t, int>> model;  // by number of the stretch
  Instant now = kStart;
  int expired = 0, added = 0;
  for (int i = 0; i < 5'000; ++i) {
    now += std::chrono::milliseconds(random() % (i % 50 == 0 ? 1'000 : 60));
    int amount = static_cast<int>(random() % 9) + 1;
    window.at(now, [&](int old) { expired += old; }) += amount;
    added += amount;
    model.emplace_back((now - kStart) / 100ms, amount);
    while (model.front().first <= (now - kStart) / 100ms - 4) model.pop_front();
    int expected = 0, seen = 0;
    for (auto [stretch, sum] : model) expected += sum;
    for (int bucket : all(window, now)) seen += bucket;
    ASSERT_EQ(seen, expected);
    ASSERT_EQ(expired, added - expected);
  }
}

}  // namespace
}  // namespace sluice::governance
