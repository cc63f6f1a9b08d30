// SPDX-License-Identifier: MIT
#include <sluice/observe/registry.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::observe {
namespace {

std::optional<double> value_of(const Registry& registry, std::string_view name) {
  for (const auto& metric : registry.collect())
    if (metric.name == name && !metric.samples.empty()) return std::get<double>(metric.samples[0].value);
  return std::nullopt;
}

TEST(Registry, GivesTheSameMetricForTheSameName) {
  Registry registry;
  // [example]
  Counter& accepted = registry.counter("net_accepted_total", "Connections accepted.");
  accepted.add();
  // [/example]
  EXPECT_EQ(&registry.counter("net_accepted_total", "Connections accepted."), &accepted);
  EXPECT_EQ(value_of(registry, "net_accepted_total"), 1);
}

TEST(Registry, ListsMetricsByName) {
  Registry registry;
  registry.gauge("b", "").set(-3);
  registry.counter("c", "").add();
  registry.histogram("a", "", {1}).observe(2);
  auto metrics = registry.collect();
  ASSERT_EQ(metrics.size(), 3u);
  EXPECT_EQ(metrics[0].name, "a");
  EXPECT_EQ(metrics[0].kind, MetricKind::kHistogram);
  EXPECT_EQ(metrics[1].kind, MetricKind::kGauge);
  EXPECT_EQ(std::get<double>(metrics[1].samples[0].value), -3);
}

TEST(Registry, BoundsTheSeriesOfAFamily) {
  Registry registry({.shards = 1, .series_max = 2});
  auto& family = registry.counter_family("requests_total", "", {"path"});
  for (const char* path : {"/a", "/b", "/c", "/d"}) family.with({path}).add();
  EXPECT_EQ(registry.collect()[0].samples.size(), 3u);
}

TEST(RegistryDeathTest, TakesANameForOneKindOnly) {
  Registry registry;
  static_cast<void>(registry.counter("a", ""));
  EXPECT_DEATH(static_cast<void>(registry.gauge("a", "")), "registered again");
  EXPECT_DEATH(static_cast<void>(registry.counter_family("a", "", {"label"})), "registered again");
  EXPECT_DEATH(static_cast<void>(registry.gauge_callback("a", "", [] { return 0.0; })), "registered again");
}

TEST(RegistryDeathTest, TakesOnlyNamesThatPrometheusTakes) {
  Registry registry;
  EXPECT_DEATH(static_cast<void>(registry.counter("1a", "")), "name");
  EXPECT_DEATH(static_cast<void>(registry.counter("", "")), "name");
  EXPECT_DEATH(static_cast<void>(registry.counter_family("a", "", {"b:c"})), "label");
  EXPECT_DEATH(static_cast<void>(registry.histogram_family("a", "", {"le"}, {1})), "label");
}

TEST(Callback, ShowsItsValueForAsLongAsItExists) {
  Registry registry;
  double depth = 4.5;
  {
    Callback shown = registry.gauge_callback("depth", "", [&] { return depth; });
    EXPECT_EQ(value_of(registry, "depth"), 4.5);
    depth = 5;
    EXPECT_EQ(value_of(registry, "depth"), 5);
    Callback moved = std::move(shown);
    EXPECT_EQ(value_of(registry, "depth"), 5);
  }
  EXPECT_EQ(value_of(registry, "depth"), std::nullopt);
  Callback again = registry.gauge_callback("depth", "", [] { return 6.0; });
  EXPECT_EQ(value_of(registry, "depth"), 6);
}

TEST(Callback, IsToldApartByItsLabels) {
  Registry registry;
  Callback a = registry.counter_callback("steals_total", "", [] { return 1.0; }, {{"p", "0"}});
  Callback b = registry.counter_callback("steals_total", "", [] { return 2.0; }, {{"p", "1"}});
  auto metrics = registry.collect();
  ASSERT_EQ(metrics.size(), 1u);
  EXPECT_EQ(metrics[0].kind, MetricKind::kCounter);
  ASSERT_EQ(metrics[0].samples.size(), 2u);
  EXPECT_EQ(metrics[0].samples[1].label_values[0], "1");
}

TEST(Callback, MayShowAHistogramThatSomebodyElseKeeps) {
  Registry registry;
  Callback shown =
      registry.histogram_callback("wait", "", {1, 2}, [] { return Histogram::Reading{{3, 0, 1}, 4.5}; });
  auto metrics = registry.collect();
  ASSERT_EQ(metrics.size(), 1U);
  EXPECT_EQ(metrics[0].kind, MetricKind::kHistogram);
  EXPECT_EQ(metrics[0].bounds, (std::vector<double>{1, 2}));
  ASSERT_EQ(metrics[0].samples.size(), 1U);
  auto& reading = std::get<Histogram::Reading>(metrics[0].samples[0].value);
  EXPECT_EQ(reading.counts, (std::vector<std::uint64_t>{3, 0, 1}));
  EXPECT_EQ(reading.sum, 4.5);
}

TEST(CallbackDeathTest, IsTheOnlyOneOfItsNameAndLabels) {
  Registry registry;
  Callback first = registry.gauge_callback("depth", "", [] { return 1.0; });
  EXPECT_DEATH(static_cast<void>(registry.gauge_callback("depth", "", [] { return 2.0; })), "one living callback");
}

TEST(Callback, IsNotCalledAnyMoreOnceItIsGone) {
  Registry registry;
  std::atomic<bool> stop = false;
  std::thread scraper([&] {
    while (!stop) static_cast<void>(registry.collect());
  });
  for (int round = 0; round < 2000; ++round) {
    auto value = std::make_unique<double>(round);  // freed while the scraper looks, were it allowed to
    Callback shown = registry.gauge_callback("value", "", [at = value.get()] { return *at; });
    shown = Callback();
  }
  stop = true;
  scraper.join();
}

TEST(Registry, MayBeScrapedWhileThreadsRegister) {
  constexpr int kThreads = 3, kNames = 40;
  Registry registry({.shards = 2});
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      for (int name = 0; name < kNames; ++name) registry.counter("c" + std::to_string(name), "").add();
    });
  std::size_t before = 0;
  for (int look = 0; look < 200; ++look) {
    std::size_t now = registry.collect().size();
    EXPECT_GE(now, before);
    before = now;
  }
  for (auto& thread : threads) thread.join();
  auto metrics = registry.collect();
  ASSERT_EQ(metrics.size(), std::size_t{kNames});
  for (const auto& metric : metrics) EXPECT_EQ(std::get<double>(metric.samples[0].value), kThreads);
}

}  // namespace
}  // namespace sluice::observe
