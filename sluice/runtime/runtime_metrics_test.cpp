// SPDX-License-Identifier: MIT
#include <sluice/runtime/runtime_metrics.hpp>

#include <atomic>
#include <numeric>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <sluice/observe/registry.hpp>
#include <sluice/runtime/blocking.hpp>
#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/fiber_test.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/internal/latency_histogram.hpp>
#include <sluice/runtime/task_group.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using observe::Histogram;
using observe::Registry;

// `label`: the value of its only label, if there is one.
double value(const Registry& registry, std::string_view name, std::string_view label = "") {
  for (const auto& metric : registry.collect())
    for (const auto& sample : metric.samples)
      if (metric.name == name && (label.empty() || sample.label_values.front() == label)) return std::get<double>(sample.value);
  ADD_FAILURE() << "there is no " << name;
  return -1;
}

Histogram::Reading latency(const Registry& registry) {
  for (const auto& metric : registry.collect())
    if (metric.name == "sluice_sched_latency_seconds") return std::get<Histogram::Reading>(metric.samples.front().value);
  return {};
}

TEST(RuntimeMetrics, CountFibersByWhatTheyDo) {
  in_virtual_time([](Context& ctx) {
    Registry registry;
    RuntimeMetrics metrics(registry);
    Chan<int> never;
    TaskGroup group{ctx};
    for (int i = 0; i < 5; ++i) group.go([&](Context& own) { static_cast<void>(never.recv(own)); });
    let_all_park(ctx);
    for (int i = 0; i < 3; ++i) group.go([](Context&) {});
    EXPECT_EQ(value(registry, "sluice_fibers", "waiting"), 5);
    EXPECT_EQ(value(registry, "sluice_fibers", "runnable"), 3);
    EXPECT_EQ(value(registry, "sluice_fibers", "running"), 1);
    EXPECT_EQ(value(registry, "sluice_fibers", "blocking"), 0);
    EXPECT_EQ(value(registry, "sluice_run_queue_depth", "0"), 3);
    EXPECT_EQ(value(registry, "sluice_run_queue_depth", "global"), 0);
    EXPECT_EQ(value(registry, "sluice_fibers_started_total"), 9);
    // How many run meanwhile depends on whether sysmon has handed our processor on by now.
    blocking([&] { EXPECT_EQ(value(registry, "sluice_fibers", "blocking"), 1); });
    EXPECT_EQ(value(registry, "sluice_fibers", "blocking"), 0);
    EXPECT_EQ(value(registry, "sluice_blocking_calls_total"), 1);
    let_all_park(ctx);
    EXPECT_EQ(value(registry, "sluice_fibers", "runnable"), 0);
  });
}

TEST(RuntimeMetrics, CountHandOffsAndSeeCallsThatComeBackLate) {
  on_processors(2, [](Context&) {
    Registry registry;
    RuntimeMetrics metrics(registry);
    for (int i = 0; i < 10; ++i) blocking([] {}, Expect::kLong);
    EXPECT_EQ(value(registry, "sluice_hand_offs_total"), 10);
    EXPECT_EQ(value(registry, "sluice_blocking_calls_total"), 10);
    EXPECT_EQ(value(registry, "sluice_fibers", "blocking"), 0);
  });
}

TEST(RuntimeMetrics, CountSteals) {
  on_processors(2, [](Context& ctx) {
    Registry registry;
    RuntimeMetrics metrics(registry);
    TaskGroup group{ctx};
    std::atomic<int> ended{0};
    for (int i = 0; i < 10; ++i) group.go([&](Context&) { ++ended; });
    while (ended == 0) {}  // we do not let go of our processor, so somebody else took them
    EXPECT_GE(value(registry, "sluice_steals_total"), 1);
    EXPECT_TRUE(group.wait());
  });
}

TEST(RuntimeMetrics, TimeOneWakeUpIn64) {
  in_virtual_time([](Context& ctx) {
    Registry registry;
    RuntimeMetrics metrics(registry);
    for (int i = 0; i < 640; ++i) {
      TaskGroup group{ctx};
      group.go([](Context&) {});
      EXPECT_TRUE(group.wait());
    }
    Histogram::Reading reading = latency(registry);  // each round has two: the new fiber, and who waits for it
    std::uint64_t count = std::accumulate(reading.counts.begin(), reading.counts.end(), std::uint64_t{0});
    EXPECT_GE(count, 10U);
    EXPECT_LE(count, 30U);
    EXPECT_GT(reading.sum, 0);
    EXPECT_LT(reading.sum, 10);
  });
}

TEST(RuntimeMetrics, ShowThatAFiberHadToWaitForItsProcessor) {
  in_virtual_time([](Context& ctx) {
    Registry registry;
    RuntimeMetrics metrics(registry);
    TaskGroup group{ctx};
    for (int i = 0; i < 64; ++i) group.go([](Context&) {});  // one of them carries a stamp
    for (Instant until = system_clock().now() + 20ms; system_clock().now() < until;) {}
    EXPECT_TRUE(group.wait());
    Histogram::Reading reading = latency(registry);
    EXPECT_GE(reading.sum, 0.02);
    EXPECT_EQ(std::accumulate(reading.counts.begin() + 8, reading.counts.end(), std::uint64_t{0}), 1U) << "above 16 ms";
  });
}

TEST(RuntimeMetrics, ShowStackMemory) {
  in_virtual_time([](Context&) {
    Registry registry;
    RuntimeMetrics metrics(registry);
    EXPECT_GE(value(registry, "sluice_stack_reserved_bytes"), 256 * 1024);
    EXPECT_GE(value(registry, "sluice_stack_resident_bytes"), 0);  // stack_pool_test.cpp has figures
    EXPECT_GE(value(registry, "sluice_stack_high_water_bytes"), 0);
  });
}

TEST(LatencyHistogram, PutsEachLengthWhereItBelongs) {
  sluice::internal::LatencyHistogram histogram;
  for (std::int64_t ns : {0, 1'000, 1'001, 4'000, 4'001}) histogram.note(ns);
  histogram.note(std::int64_t{3'600'000'000'000});
  EXPECT_EQ(histogram.count(0), 2U);
  EXPECT_EQ(histogram.count(1), 2U);
  EXPECT_EQ(histogram.count(2), 1U);
  EXPECT_EQ(histogram.count(internal::LatencyHistogram::kBounds), 1U);
  EXPECT_EQ(histogram.sum_ns(), 3'600'000'010'002U);
}

}  // namespace
}  // namespace sluice
