// SPDX-License-Identifier: MIT
#include <sluice/observe/internal/line_ring.hpp>

#include <atomic>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::observe::internal {
namespace {

using Line = std::pair<int, std::string>;

std::optional<Line> pop(LineRing& ring) {
  std::uint8_t tag = 0;
  std::string line;
  if (!ring.pop(tag, line)) return std::nullopt;
  return Line(tag, line);
}

TEST(LineRing, GivesLinesBackInOrderWithTheirTags) {
  LineRing ring(64);
  EXPECT_EQ(pop(ring), std::nullopt);
  EXPECT_TRUE(ring.push(3, "first"));
  EXPECT_TRUE(ring.push(255, ""));
  EXPECT_EQ(pop(ring), Line(3, "first"));
  EXPECT_EQ(pop(ring), Line(255, ""));
  EXPECT_EQ(pop(ring), std::nullopt);
}

TEST(LineRing, RefusesWhatDoesNotFitAndTakesItOnceThereIsRoom) {
  LineRing ring(32);  // two records of up to 8 bytes
  EXPECT_TRUE(ring.push(0, "12345678"));
  EXPECT_FALSE(ring.push(0, "123456789"));
  EXPECT_TRUE(ring.push(0, "x"));
  EXPECT_FALSE(ring.push(0, ""));
  EXPECT_EQ(pop(ring), Line(0, "12345678"));
  EXPECT_TRUE(ring.push(0, "y"));
  EXPECT_EQ(pop(ring), Line(0, "x"));
  EXPECT_EQ(pop(ring), Line(0, "y"));
  EXPECT_FALSE(ring.push(0, std::string(25, 'z')));  // longer than the ring ever has room for
  EXPECT_TRUE(ring.push(0, std::string(24, 'z')));
}

TEST(LineRing, BehavesAsABoundedQueueAtEveryOffset) {
  constexpr std::uint32_t kSeed = 20231114;
  std::mt19937 random(kSeed);
  LineRing ring(64);
  std::deque<Line> model;
  std::size_t room = 64;
  auto room_for = [](const std::string& line) { return 8 + (line.size() + 7) / 8 * 8; };
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0) {
      Line line(random() % 256, std::string(random() % 40, static_cast<char>('a' + random() % 26)));
      bool fits = room_for(line.second) <= room;
      ASSERT_EQ(ring.push(static_cast<std::uint8_t>(line.first), line.second), fits) << "seed " << kSeed;
      if (!fits) continue;
      room -= room_for(line.second);
      model.push_back(line);
    } else {
      auto line = pop(ring);
      ASSERT_EQ(line.has_value(), !model.empty()) << "seed " << kSeed;
      if (!line) continue;
      ASSERT_EQ(*line, model.front()) << "seed " << kSeed;
      room += room_for(line->second);
      model.pop_front();
    }
  }
}

// Rings of two to four records: writers and reader meet at every step, and positions wrap all the time.
TEST(LineRing, LosesAndMixesNothingAmongThreads) {
  constexpr int kWriters = 3, kLines = 10'000;
  for (std::size_t bytes : {64, 128}) {
    LineRing ring(bytes);
    std::atomic<int> accepted = 0, writing = kWriters;
    std::vector<std::thread> writers;
    for (int writer = 0; writer < kWriters; ++writer)
      writers.emplace_back([&, writer] {
        for (int number = 0; number < kLines; ++number) {
          // The line repeats its number, so that a half-written or mixed one shows.
          std::string text = std::to_string(number);
          if (ring.push(static_cast<std::uint8_t>(writer), text + "=" + text)) ++accepted;
        }
        --writing;
      });
    std::vector<int> last(kWriters, -1);
    int taken = 0;
    for (bool more = true; more;) {
      more = writing > 0;  // before looking: what was pushed before the last writer ended is seen below
      while (auto line = pop(ring)) {
        auto& [writer, text] = *line;
        auto middle = text.find('=');
        ASSERT_NE(middle, text.npos);
        EXPECT_EQ(text.substr(0, middle), text.substr(middle + 1));
        int number = std::stoi(text);
        EXPECT_GT(number, last[static_cast<std::size_t>(writer)]);
        last[static_cast<std::size_t>(writer)] = number;
        ++taken;
      }
    }
    for (auto& thread : writers) thread.join();
    EXPECT_EQ(taken, accepted);
    EXPECT_GT(taken, 0);
  }
}

}  // namespace
}  // namespace sluice::observe::internal
