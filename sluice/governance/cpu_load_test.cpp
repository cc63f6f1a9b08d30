// SPDX-License-Identifier: MIT
#include <sluice/governance/cpu_load.hpp>

#include <chrono>

#include <gtest/gtest.h>

namespace sluice::governance {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart(1h);

TEST(CpuLoad, IsNothingBeforeTheSecondSample) {
  CpuLoad load;
  EXPECT_EQ(load.permille(), 0);
  load.add(kStart, 10h, 1);
  EXPECT_EQ(load.permille(), 0) << "what was used before nobody knows when";
}

TEST(CpuLoad, TakesATwentiethOfEachSample) {
  CpuLoad load;
  load.add(kStart, 0s, 2);
  load.add(kStart + 250ms, 250ms, 2);  // half of two processors
  EXPECT_EQ(load.permille(), 25);
  load.add(kStart + 500ms, 750ms, 2);  // all of two
  EXPECT_EQ(load.permille(), (25 * 95 + 1000 * 5) / 100);
}

TEST(CpuLoad, ComesUpInSecondsAndGoesDownInSeconds) {
  CpuLoad load;
  Duration used{};
  Instant now = kStart;
  auto run = [&](int samples, Duration more) {
    for (int i = 0; i < samples; ++i) load.add(now += 250ms, used += more, 1);
  };
  run(60, 250ms);
  EXPECT_GT(load.permille(), 900);
  run(60, 0ms);
  EXPECT_LT(load.permille(), 50);
}

TEST(CpuLoad, IsFullAtMost) {
  CpuLoad load;
  load.add(kStart, 0s, 0.5);
  for (int i = 1; i < 200; ++i) load.add(kStart + i * 250ms, i * 250ms, 0.5);  // twice the quota: the kernel lets bursts through
  EXPECT_LE(load.permille(), 1000);
  EXPECT_GT(load.permille(), 950);
}

TEST(CpuLoad, DoesNotTakeASampleThatMakesNoSense) {
  CpuLoad load;
  load.add(kStart, 10s, 1);
  load.add(kStart, 11s, 1);            // no time has passed
  load.add(kStart + 250ms, 1s, 1);     // less than before: another cgroup
  load.add(kStart + 500ms, 2s, 0);     // no processor at all
  EXPECT_EQ(load.permille(), 0);
}

TEST(CpuLoad, NobodyIsBusyOfWhomNothingIsKnown) {
  CpuLoad load;
  load.add(kStart, 0s, 1);
  load.add(kStart + 250ms, 250ms, 1);
  ASSERT_GT(load.permille(), 0);
  load.forget();
  EXPECT_EQ(load.permille(), 0);
  load.add(kStart + 500ms, 10h, 1);
  EXPECT_EQ(load.permille(), 0);
}

TEST(CpuFiles, SayWhatWasUsed) {
  EXPECT_EQ(parse_cpu_stat("usage_usec 1500\nuser_usec 1000\n"), 1500us);
  EXPECT_EQ(parse_cpu_stat("nr_periods 0\nusage_usec 7\n"), 7us);
  for (const char* text : {"", "usage_usec", "usage_usec \n", "usage_usec x\n", "usage_usec -1\n", "user_usec 1\n"})
    EXPECT_FALSE(parse_cpu_stat(text)) << text;
}

TEST(CpuFiles, SayHowMuchMayBeUsed) {
  EXPECT_EQ(parse_cpu_max("150000 100000\n"), 1.5);
  for (const char* text : {"max 100000\n", "", "1", "1 0", "x 100000"}) EXPECT_FALSE(parse_cpu_max(text)) << text;
  EXPECT_EQ(count_cpus("0-3,8\n"), 5);
  EXPECT_EQ(count_cpus("7"), 1);
  for (const char* text : {"", "\n", "a", "3-1", "0-", "1,,2", "0-99999999999999999999"})
    EXPECT_FALSE(count_cpus(text).has_value()) << text;
}

}  // namespace
}  // namespace sluice::governance
