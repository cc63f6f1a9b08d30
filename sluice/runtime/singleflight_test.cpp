// SPDX-License-Identifier: MIT
#include <sluice/runtime/singleflight.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/many_seeds_test.hpp>

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

// The leader learns of its own; the others make theirs of the same answer.
TEST(Singleflight, ACopyThatThrowsConcernsItsCallerOnly) {
  struct Row {
    Row(int value, bool* switched) : number(value), throws(switched) {}
    Row(const Row& other) : Row(other.number, other.throws) {
      if (*throws) throw 7;
    }
    Row(Row&&) noexcept = default;
    Row& operator=(const Row&) = default;
    Row& operator=(Row&&) noexcept = default;
    int number;
    bool* throws;
  };
  in_virtual_time([](Context& ctx) {
    Singleflight<std::string, Row> flights;
    bool throws = false;
    TaskGroup group{ctx};
    group.go([&](Context& own) {
      auto load = [&]() -> Result<Row> {
        SLUICE_TRY(sleep(own, 1s));
        throws = true;
        return Row(7, &throws);
      };
      EXPECT_THROW(static_cast<void>(flights.run(own, "key", load)), int);
      throws = false;  // before the follower runs
    });
    let_all_park(ctx);
    auto outcome = flights.run(ctx, "key", [] { return Result<Row>(fail(Code::kInternal, "leads")); });
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->value.number, 7);
    EXPECT_TRUE(outcome->shared);
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

TEST(Singleflight, BeginsAnewOnceForgotten) {
  in_virtual_time([](Context& ctx) {
    Flights flights;
    int calls = 0;
    auto load = [&](Context& own) -> Result<int> {
      int answer = ++calls;
      SLUICE_TRY(sleep(own, 10s));
      return answer;
    };
    TaskGroup group{ctx};
    auto ask = [&](int expected) {
      group.go([&, expected](Context& own) {
        auto outcome = flights.run(own, "key", [&] { return load(own); });
        EXPECT_EQ(outcome->value, expected);
      });
      EXPECT_TRUE(sleep(ctx, 1s));
    };
    ask(1);
    ask(1);
    flights.forget("key");
    ask(2);
    EXPECT_TRUE(sleep(ctx, 8s));  // the first one lands, and must leave the second one alone
    ask(2);
    flights.forget("another");
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(calls, 2);
  });
}

TEST(SingleflightProperty, OneFlightAtATimeAndItsAnswerIsFresh) {
  over_many_seeds([](Context& ctx, Chance& chance) {
    Singleflight<std::size_t, int> flights;
    std::array<int, 2> in_flight{}, landed{};
    TaskGroup group{ctx};
    for (int fiber = 0; fiber < 6; ++fiber)
      group.go([&](Context& own) {
        for (int step = 0; step < 10; ++step) {
          std::size_t key = chance.below(2);
          int landed_before = landed[key];
          Context request{own, chance.one_in(3) ? Duration(chance.below(10)) : Duration::max()};
          auto outcome = flights.run(request, key, [&]() -> Result<int> {
            EXPECT_EQ(++in_flight[key], 1);
            chance.wander();
            --in_flight[key];
            SLUICE_TRY(request.check());
            return ++landed[key];
          });
          if (outcome) {
            EXPECT_GT(outcome->value, landed_before) << "the answer is older than the question";
          } else {
            EXPECT_TRUE(request.is_cancelled());
          }
          chance.wander();
        }
      });
    EXPECT_TRUE(group.wait());
  });
}

}  // namespace
}  // namespace sluice
