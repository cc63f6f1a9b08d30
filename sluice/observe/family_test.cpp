// SPDX-License-Identifier: MIT
#include <sluice/observe/family.hpp>

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::observe {
namespace {

using Values = std::vector<std::string>;

CounterFamily two_labels(std::size_t series_max) { return CounterFamily({"path", "code"}, {}, series_max); }

TEST(Family, GivesTheSameSeriesForTheSameValues) {
  auto family = two_labels(4);
  Counter& ok = family.with({"/ping", "200"});
  ok.add();
  EXPECT_EQ(&family.with({"/ping", "200"}), &ok);
  EXPECT_NE(&family.with({"200", "/ping"}), &ok);
  EXPECT_EQ(family.with({"/ping", "200"}).value(), 1u);
}

TEST(Family, TellsValuesApartThatReadAlikeWhenJoined) {
  auto family = two_labels(4);
  EXPECT_NE(&family.with({"ab", "c"}), &family.with({"a", "bc"}));
}

TEST(Family, ListsItsSeriesSorted) {
  auto family = two_labels(4);
  family.with({"/b", "1"}).add();
  family.with({"/a", "2"}).add();
  family.with({"/a", "1"}).add();
  std::vector<Values> seen;
  for (const auto* series : family.series()) seen.push_back(series->values);
  EXPECT_EQ(seen, (std::vector<Values>{{"/a", "1"}, {"/a", "2"}, {"/b", "1"}}));
}

TEST(Family, CountsWhatComesBeyondItsBoundInOneSeries) {
  auto family = two_labels(2);
  family.with({"a", "1"}).add();
  family.with({"b", "1"}).add();
  EXPECT_EQ(family.series().size(), 2u);
  family.with({"c", "1"}).add();
  family.with({"d", "1"}).add();
  family.with({"a", "1"}).add();  // known ones go on
  auto series = family.series();
  ASSERT_EQ(series.size(), 3u);
  EXPECT_EQ(series[0]->metric.value(), 2u);
  EXPECT_EQ(series[2]->values, (Values{"overflow", "overflow"}));
  EXPECT_EQ(series[2]->metric.value(), 2u);
}

TEST(Family, SendsWhatNoScraperCouldReadToTheOverflow) {
  auto family = two_labels(8);
  Counter& overflow = family.with({"overflow", "overflow"});
  EXPECT_EQ(&family.with({"\xff", "200"}), &overflow);
  EXPECT_EQ(&family.with({std::string(CounterFamily::kLabelBytesMax + 1, 'x'), "200"}), &overflow);
  EXPECT_NE(&family.with({std::string(CounterFamily::kLabelBytesMax, 'x'), "200"}), &overflow);
  EXPECT_NE(&family.with({"\xc3\xa9", "200"}), &overflow);
}

TEST(Family, WithoutLabelsIsOneSeries) {
  CounterFamily family({}, {}, 1);
  family.with({}).add();
  family.with({}).add();
  auto series = family.series();
  ASSERT_EQ(series.size(), 1u);
  EXPECT_EQ(series[0]->metric.value(), 2u);
}

// Capacities so small that searches wrap, collide and overflow while others insert.
TEST(Family, LosesNoCountWhileThreadsRaceForItsLastPlaces) {
  constexpr int kThreads = 4, kRounds = 3000, kSets = 6;
  for (std::size_t series_max : {1, 2, 3, 4, 64}) {
    auto family = two_labels(series_max);
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([&, i] {
        for (int round = 0; round < kRounds; ++round) {
          std::string path = "/" + std::to_string((round + i) % kSets);
          family.with({path, "200"}).add();
          if (round % 100 == 0) static_cast<void>(family.series());  // a scrape in between
        }
      });
    for (auto& thread : threads) thread.join();
    std::uint64_t total = 0;
    for (const auto* series : family.series()) total += series->metric.value();
    EXPECT_EQ(total, std::uint64_t{kThreads} * kRounds);
    EXPECT_EQ(family.series().size(), series_max >= kSets ? kSets : series_max + 1);
  }
}

}  // namespace
}  // namespace sluice::observe
