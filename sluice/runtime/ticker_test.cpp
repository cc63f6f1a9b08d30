// SPDX-License-Identifier: MIT
#include <sluice/runtime/ticker.hpp>

#include <chrono>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/many_seeds_test.hpp>
#include <sluice/runtime/select.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(Ticker, TicksOncePerPeriod) {
  in_virtual_time([](Context& ctx) {
    std::vector<Instant> refreshed;
    auto refresh = [&](Instant now) { refreshed.push_back(now); };
    Instant begin = runtime_clock().now();
    Context request{ctx, 100s};
    TaskGroup group{request};
    group.go([&](Context&) {
      // [example]
      Ticker ticker{ctx, 30s};
      for (Instant now : ticker.ticks()) refresh(now);  // or a case of a select: recv(ticker.ticks())
      // [/example]
    });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(refreshed, (std::vector<Instant>{begin + 30s, begin + 60s, begin + 90s}));
  });
}

// A receiver that takes long finds one tick waiting; those that came meanwhile are gone; the next keeps the phase.
TEST(Ticker, DropsTicksForASlowReceiverAndKeepsThePhase) {
  in_virtual_time([](Context& ctx) {
    Ticker ticker{ctx, 10s};
    Instant begin = runtime_clock().now();
    EXPECT_TRUE(sleep(ctx, 35s));
    EXPECT_EQ(ticker.ticks().recv(), begin + 10s);
    EXPECT_EQ(ticker.ticks().try_recv(), std::nullopt);
    EXPECT_EQ(ticker.ticks().recv(), begin + 40s);
    EXPECT_EQ(runtime_clock().now(), begin + 40s);
  });
}

TEST(Ticker, DoesNotDriftWhenItsFiberIsLate) {
  ManualClock clock;
  auto main = [&](Context& ctx) -> Result<void> {
    Ticker ticker{ctx, 10s};
    Instant begin = clock.now();
    clock.advance(23s);  // nobody ran meanwhile
    EXPECT_EQ(ticker.ticks().recv(), begin + 23s);
    EXPECT_EQ(ticker.ticks().recv(), begin + 30s);
    return {};
  };
  EXPECT_EQ(run(main, {.processors = 1, .clock = &clock}), 0);
}

TEST(Ticker, GivesNoTickOnceItIsStopped) {
  in_virtual_time([](Context& ctx) {
    Ticker ticker{ctx, 10s};
    EXPECT_TRUE(sleep(ctx, 15s));
    ticker.stop();
    EXPECT_EQ(ticker.ticks().try_recv(), std::nullopt);  // not the one that was waiting either
    EXPECT_EQ(select(ctx, recv(ticker.ticks()), after(1h)).index, 1U);
    Instant begin = runtime_clock().now();
    ticker.reset(3s);
    EXPECT_EQ(ticker.ticks().recv(), begin + 3s);
    EXPECT_EQ(ticker.ticks().recv(), begin + 6s);
  });
}

TEST(Ticker, ResetStartsANewPhaseAlsoForWhoWaits) {
  in_virtual_time([](Context& ctx) {
    Ticker ticker{ctx, 1h};
    Instant begin = runtime_clock().now();
    TaskGroup group{ctx};
    group.go([&](Context&) { EXPECT_EQ(ticker.ticks().recv(), begin + 7s); });
    EXPECT_TRUE(sleep(ctx, 5s));
    ticker.reset(2s);
    EXPECT_TRUE(group.wait());
    EXPECT_TRUE(sleep(ctx, 3s));
    ticker.reset(10s);  // drops the tick of begin + 9s
    EXPECT_EQ(ticker.ticks().recv(), begin + 20s);
  });
}

TEST(Ticker, EndsWithItsContext) {
  in_virtual_time([](Context& ctx) {
    Context request{ctx, 25s};
    Ticker ticker{request, 10s};
    EXPECT_TRUE(ticker.check());
    int ticks = 0;
    while (select(ctx, recv(ticker.ticks()), after(1h)).index == 0) ++ticks;
    EXPECT_EQ(ticks, 2);
    EXPECT_EQ(ticker.check().error().code(), Code::kDeadlineExceeded);
  });
}

TEST(TickerDeathTest, NeedsAPeriod) {
  EXPECT_DEATH(in_virtual_time([](Context& ctx) { Ticker ticker(ctx, 0s); }), "more than nothing");
}

// What a ticker's channel holds follows from four numbers.
TEST(TickerProperty, HoldsTheFirstTickSinceTheLastOneWasTaken) {
  over_many_seeds([](Context& ctx, Chance& chance) {
    auto even = [&] { return Duration(2 * (chance.below(20) + 1)); };
    Duration period = even();
    Instant start = runtime_clock().now();
    Instant emptied = start;
    bool is_stopped = false;
    Ticker ticker{ctx, period};
    for (int step = 0; step < 40; ++step) {
      // By an odd time, to an odd instant, when no tick is due.
      Instant now = runtime_clock().now();
      Duration odd = Duration(2 * chance.below(60)) + (now.time_since_epoch().count() % 2 == start.time_since_epoch().count() % 2 ? 1ns : 2ns);
      EXPECT_TRUE(sleep(ctx, odd));
      now = runtime_clock().now();
      switch (chance.below(8)) {
        case 0:
          ticker.stop();
          is_stopped = true;
          break;
        case 1:
          period = even();
          ticker.reset(period);
          start = emptied = now;
          is_stopped = false;
          break;
        default: {
          std::optional<Instant> expected = start + period * ((emptied - start) / period + 1);
          if (is_stopped || *expected > now) expected.reset();
          EXPECT_EQ(ticker.ticks().try_recv(), expected);
          emptied = now;
        }
      }
    }
  });
}

TEST(TickerStress, StopAndResetRaceWithTicks) {
  on_few_and_many_processors([](Context& ctx) {
    Ticker ticker{ctx, 1us};
    TaskGroup group{ctx};
    group.go([&](Context& own) {
      for (int i = 0; i < kManyTimes / 200; ++i) {
        ticker.stop();
        EXPECT_EQ(ticker.ticks().size_approx(), 0U);
        yield();
        EXPECT_EQ(ticker.ticks().try_recv(), std::nullopt);
        ticker.reset(1us);
        static_cast<void>(select(own, recv(ticker.ticks()), after(1ms)));
      }
    });
    EXPECT_TRUE(group.wait());
  });
}

}  // namespace
}  // namespace sluice
