// SPDX-License-Identifier: MIT
#include <sluice/runtime/singleflight.hpp>

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/fiber_test.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;

using Flights = Singleflight<std::string, int>;

TEST(Singleflight, OneDoesItAndAllGetTheAnswer) {
  in_virtual_time([](Context& ctx) {
    Flights flights;
    int calls = 0, leaders = 0;
    TaskGroup group{ctx};
    for (int i = 0; i < 5; ++i)
      group.go([&](Context& own) -> Result<void> {
        auto load = [&]() -> Result<int> {
          SLUICE_TRY(sleep(own, 1s));
          return ++calls;
        };
        SLUICE_TRY(auto outcome, flights.run(own, "key", load));
        EXPECT_EQ(outcome.value, 1);
        leaders += outcome.shared ? 0 : 1;
        return {};
      });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(leaders, 1);
  });
}

TEST(Singleflight, RemembersNothingAfterLanding) {
  in_virtual_time([](Context& ctx) {
    Flights flights;
    for (int i = 0; i < 3; ++i) {
      auto outcome = flights.run(ctx, "key", [&] { return Result<int>(i); });
      EXPECT_EQ(outcome->value, i);
      EXPECT_FALSE(outcome->shared);
    }
  });
}

TEST(Singleflight, KeysDoNotWaitForEachOther) {
  in_virtual_time([](Context& ctx) {
    Flights flights;
    auto outer = flights.run(ctx, "slow", [&]() -> Result<int> {
      SLUICE_TRY(auto inner, flights.run(ctx, "quick", [] { return Result<int>(1); }));
      return inner.value + 1;
    });
    EXPECT_EQ(outer->value, 2);
  });
}

TEST(Singleflight, SharesAnError) {
  in_virtual_time([](Context& ctx) {
    Flights flights;
    int calls = 0;
    TaskGroup group{ctx};
    for (int i = 0; i < 3; ++i)
      group.go([&](Context& own) {
        auto outcome = flights.run(own, "key", [&]() -> Result<int> {
          ++calls;
          SLUICE_TRY(sleep(own, 1s));
          return fail(Code::kNotFound, "no such row");
        });
        EXPECT_EQ(outcome.error().code(), Code::kNotFound);
      });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(calls, 1);
  });
}

// The client of the leader goes away; those of the others have not.
TEST(Singleflight, AnotherLeadsWhenTheLeadersContextEnds) {
  in_virtual_time([](Context& ctx) {
    Flights flights;
    Context impatient{ctx, 1s};
    auto load = [](Context& own) -> Result<int> {
      SLUICE_TRY(sleep(own, 10s));
      return 7;
    };
    TaskGroup group{ctx};
    group.go([&](Context&) {
      auto outcome = flights.run(impatient, "key", [&] { return load(impatient); });
      EXPECT_EQ(outcome.error().code(), Code::kDeadlineExceeded);
    });
    let_all_park(ctx);
    int shared = 0;
    for (int i = 0; i < 2; ++i)
      group.go([&](Context& own) {
        auto outcome = flights.run(own, "key", [&] { return load(own); });
        EXPECT_EQ(outcome->value, 7);
        shared += outcome->shared ? 1 : 0;
      });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(shared, 1);
  });
}

TEST(Singleflight, AnotherLeadsWhenTheLeadersFunctionThrows) {
  in_virtual_time([](Context& ctx) {
    Flights flights;
    TaskGroup group{ctx};
    group.go([&](Context& own) {
      auto explode = [&]() -> Result<int> {
        static_cast<void>(sleep(own, 1s));
        throw 7;
      };
      EXPECT_THROW(static_cast<void>(flights.run(own, "key", explode)), int);
    });
    let_all_park(ctx);
    auto outcome = flights.run(ctx, "key", [] { return Result<int>(2); });
    EXPECT_EQ(outcome->value, 2);
    EXPECT_FALSE(outcome->shared);
  });
}

TEST(SingleflightStress, EachCallerGetsAnAnswerToItsOwnQuestion) {
  on_few_and_many_processors([](Context& ctx) {
    Singleflight<int, int> flights;
    std::atomic<int> calls{0};
    TaskGroup group{ctx};
    constexpr int kCallers = 8;
    for (int caller = 0; caller < kCallers; ++caller)
      group.go([&](Context& own) -> Result<void> {
        for (int i = 0; i < kManyTimes / 40; ++i) {
          int key = i % 3;
          auto load = [&]() -> Result<int> {
            calls.fetch_add(1);
            yield();
            return key * 10;
          };
          SLUICE_TRY(auto outcome, flights.run(own, key, load));
          EXPECT_EQ(outcome.value, key * 10);
        }
        return {};
      });
    EXPECT_TRUE(group.wait());
    EXPECT_LE(calls.load(), kCallers * (kManyTimes / 40));
    EXPECT_GE(calls.load(), 3);
  });
}

}  // namespace
}  // namespace sluice
