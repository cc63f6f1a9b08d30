// SPDX-License-Identifier: MIT
#include <sluice/runtime/map_reduce.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <numeric>
#include <ranges>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/many_seeds_test.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(ForEach, CallsForEveryElementSoManyAtATime) {
  in_virtual_time([](Context& ctx) {
    std::vector<int> numbers(10);
    int running = 0, running_max = 0;
    Instant begin = runtime_clock().now();
    EXPECT_TRUE(for_each(ctx, numbers, 4, [&](Context& own, int& number) -> Result<void> {
      running_max = std::max(running_max, ++running);
      SLUICE_TRY(sleep(own, 1s));
      --running;
      ++number;
      return {};
    }));
    EXPECT_EQ(running_max, 4);
    EXPECT_EQ(runtime_clock().now() - begin, 3s);
    EXPECT_EQ(numbers, std::vector<int>(10, 1));
    EXPECT_TRUE(for_each(ctx, std::vector<int>(), 1, [](Context&, int&) { ADD_FAILURE() << "there is nothing"; }));
  });
}

TEST(ForEach, TheFirstErrorEndsTheOthersAndIsTheAnswer) {
  in_virtual_time([](Context& ctx) {
    int begun = 0, cancelled = 0;
    Instant begin = runtime_clock().now();
    auto result = for_each(ctx, std::views::iota(0), 3, [&](Context& own, int number) -> Result<void> {
      ++begun;
      if (number == 1) {
        SLUICE_TRY(sleep(own, 1s));
        return fail(Code::kDataLoss, "torn");
      }
      auto slept = sleep(own, 1h);
      if (!slept) ++cancelled;
      return slept;
    });
    EXPECT_EQ(result.error().code(), Code::kDataLoss);
    EXPECT_EQ(begun, 3);
    EXPECT_EQ(cancelled, 2);
    EXPECT_EQ(runtime_clock().now() - begin, 1s);
    EXPECT_TRUE(ctx.check());
  });
}

TEST(ForEach, EndsWithItsContextAndSaysSo) {
  in_virtual_time([](Context& ctx) {
    Context request{ctx, 1s};
    auto nap = [](Context& own, int) { static_cast<void>(sleep(own, 1h)); };  // keeps its error to itself
    EXPECT_EQ(for_each(request, std::views::iota(0), 3, nap).error().code(), Code::kDeadlineExceeded);
    EXPECT_EQ(for_each(request, std::views::iota(0, 2), 3, nap).error().code(), Code::kDeadlineExceeded);
  });
}

TEST(ForEach, SaysThatItsContextHasEndedAlsoForCallsThatDoNot) {
  in_virtual_time([](Context& ctx) {
    Context request{ctx, 1s};
    auto stops_early = [](Context& own, int) { static_cast<void>(sleep(own, 1h)); };
    EXPECT_EQ(for_each(request, std::vector{1, 2}, 2, stops_early).error().code(), Code::kDeadlineExceeded);
  });
}

TEST(ForEach, TakesElementsOnlyWhenThereIsRoom) {
  in_virtual_time([](Context& ctx) {
    int taken = 0, ended = 0;
    auto counted = std::views::iota(0, 20) | std::views::transform([&](int number) {
                     EXPECT_LE(++taken - ended, 3);  // two that run, and the next one
                     return number;
                   });
    EXPECT_TRUE(for_each(ctx, counted, 2, [&](Context& own, int) -> Result<void> {
      SLUICE_TRY(sleep(own, 1s));
      ++ended;
      return {};
    }));
    EXPECT_EQ(taken, 20);
  });
}

TEST(ForEach, DrainsAChannelAndMovesWhatItHolds) {
  in_virtual_time([](Context& ctx) {
    Chan<std::unique_ptr<int>> channel{2};
    TaskGroup group{ctx};
    group.go([&](Context&) {
      for (int i = 1; i <= 10; ++i) channel.send(std::make_unique<int>(i));
      channel.close();
    });
    int sum = 0;
    EXPECT_TRUE(for_each(ctx, channel, 3, [&](Context&, std::unique_ptr<int> number) { sum += *number; }));
    EXPECT_EQ(sum, 55);
  });
}

// Though nothing comes out of it that would let the caller look. The fiber's own context lives on.
TEST(ForEach, WaitsForAChannelNoLongerThanItsContextLivesOrTheFirstError) {
  in_virtual_time([](Context& ctx) {
    Chan<int> silent{1};
    Context request{ctx, 1s};
    Instant begin = runtime_clock().now();
    auto nothing = [](Context&, int) { ADD_FAILURE() << "there is nothing"; };
    EXPECT_EQ(for_each(request, silent, 3, nothing).error().code(), Code::kDeadlineExceeded);
    EXPECT_EQ(runtime_clock().now() - begin, 1s);
    silent.send(1);
    auto fail_later = [](Context& own, int) -> Result<void> {
      SLUICE_TRY(sleep(own, 1s));
      return fail(Code::kDataLoss, "torn");
    };
    EXPECT_EQ(for_each(ctx, silent, 3, fail_later).error().code(), Code::kDataLoss);
    EXPECT_EQ(runtime_clock().now() - begin, 2s);
  });
}

TEST(ForEach, LeavesElementsWhereTheyLive) {
  in_virtual_time([](Context& ctx) {
    const std::vector<std::string> words{"a", "b", "c"};
    std::set<const std::string*> seen;
    EXPECT_TRUE(for_each(ctx, words, 3, [&](Context&, const std::string& word) { seen.insert(&word); }));
    EXPECT_EQ(seen, (std::set<const std::string*>{&words[0], &words[1], &words[2]}));
  });
}

// The joined range makes each vector on the way, and it is gone when the next one is made.
TEST(ForEach, CopiesConstElementsOfARangeThatIsReadOnce) {
  in_virtual_time([](Context& ctx) {
    auto make = [](int number) -> const std::vector<std::string> { return {std::to_string(number), "and"}; };
    auto words = std::views::iota(0, 3) | std::views::transform(make) | std::views::join;
    static_assert(!std::ranges::forward_range<decltype(words)>);
    static_assert(std::is_same_v<std::ranges::range_reference_t<decltype(words)>, const std::string&>);
    std::multiset<std::string> seen;
    EXPECT_TRUE(for_each(ctx, words, 6, [&](Context& own, std::string word) -> Result<void> {
      SLUICE_TRY(sleep(own, 1s));
      seen.insert(std::move(word));
      return {};
    }));
    EXPECT_EQ(seen, (std::multiset<std::string>{"0", "1", "2", "and", "and", "and"}));
    auto length = [](Context&, const std::string& word) { return word.size(); };
    EXPECT_EQ(map_reduce(ctx, words, 2, length, std::plus<>(), std::size_t{0}), 12U);
    auto constant = std::views::iota(0, 3) | std::views::transform([](int number) -> const std::string {
                      return std::to_string(number);
                    });
    EXPECT_EQ(map_reduce(ctx, constant, 2, length, std::plus<>(), std::size_t{0}), 3U);
  });
}

TEST(ForEachDeathTest, AnExceptionThatLeavesACallEndsTheProcess) {
  auto escape = [] {
    in_virtual_time([](Context& ctx) {
      static_cast<void>(for_each(ctx, std::views::iota(0), 1, [](Context&, int number) { throw number; }));
    });
  };
  EXPECT_DEATH(escape(), "terminate called");
}

TEST(ForEachDeathTest, NeedsALimit) {
  auto unlimited = [] {
    in_virtual_time([](Context& ctx) { static_cast<void>(for_each(ctx, std::views::iota(0), 0, [](Context&, int) {})); });
  };
  EXPECT_DEATH(unlimited(), "may run nothing");
}

TEST(MapReduce, JoinsWhatIsMadeOfEachElement) {
  in_virtual_time([](Context& ctx) {
    auto measure = [](Context& own, const std::string& file) -> Result<std::size_t> {
      SLUICE_TRY(sleep(own, 1s));
      return file.size();
    };
    const std::vector<std::string> files{"one", "three", "seven"};
    auto add_up = [&]() -> Result<std::size_t> {
      // [example]
      SLUICE_TRY(auto bytes, map_reduce(ctx, files, 8, measure, std::plus<>(), std::size_t{0}));
      // [/example]
      return bytes;
    };
    EXPECT_EQ(add_up(), 13U);
    auto length = [](Context&, const std::string& file) { return file.size(); };  // one that cannot fail
    EXPECT_EQ(map_reduce(ctx, files, 1, length, std::plus<>(), std::size_t{0}), 13U);
    EXPECT_EQ(map_reduce(ctx, std::vector<std::string>(), 1, length, std::plus<>(), std::size_t{7}), 7U);
  });
}

TEST(MapReduce, ReducesInTheOrderInWhichResultsCome) {
  in_virtual_time([](Context& ctx) {
    const std::vector<int> seconds{3, 1, 2};
    auto nap = [](Context& own, int length) -> Result<std::string> {
      SLUICE_TRY(sleep(own, length * 1s));
      return std::to_string(length);
    };
    EXPECT_EQ(map_reduce(ctx, seconds, 3, nap, std::plus<>(), std::string()), "123");
    EXPECT_EQ(map_reduce(ctx, seconds, 1, nap, std::plus<>(), std::string()), "312");
  });
}

TEST(MapReduce, MovesItsTotalAlong) {
  in_virtual_time([](Context& ctx) {
    auto make = [](Context&, int number) { return std::make_unique<int>(number); };
    auto add = [](std::unique_ptr<int> total, std::unique_ptr<int> number) {
      *total += *number;
      return total;
    };
    auto total = map_reduce(ctx, std::views::iota(1, 5), 2, make, add, std::make_unique<int>(0));
    EXPECT_EQ(**total, 10);
  });
}

TEST(MapReduce, TheFirstErrorIsTheAnswer) {
  in_virtual_time([](Context& ctx) {
    auto refuse = [](Context&, int number) -> Result<int> {
      if (number == 5) return fail(Code::kOutOfRange, "five");
      return number;
    };
    auto total = map_reduce(ctx, std::views::iota(0), 2, refuse, std::plus<>(), 0);
    EXPECT_EQ(total.error().code(), Code::kOutOfRange);
  });
}

TEST(MapReduceProperty, EqualsALoop) {
  over_many_seeds([](Context& ctx, Chance& chance) {
    const std::size_t limit = chance.below(5) + 1;
    std::vector<int> numbers(chance.below(30));
    std::ranges::generate(numbers, [&] { return static_cast<int>(chance.below(100)); });
    std::size_t running = 0;
    auto map = [&](Context&, const int& number) -> Result<int> {
      EXPECT_LE(++running, limit);
      chance.wander();
      --running;
      if (number == 13) return fail(Code::kOutOfRange, "thirteen");
      return 2 * number;
    };
    auto total = map_reduce(ctx, numbers, limit, map, std::plus<>(), 1);
    EXPECT_EQ(running, 0U);
    if (std::ranges::count(numbers, 13) > 0) {
      EXPECT_EQ(total.error().code(), Code::kOutOfRange);
    } else {
      EXPECT_EQ(total, 1 + 2 * std::accumulate(numbers.begin(), numbers.end(), 0));
    }
  });
}

TEST(MapReduceStress, AddsUpOnManyProcessors) {
  on_few_and_many_processors([](Context& ctx) {
    for (int round = 0; round < kManyTimes / 1000; ++round) {
      auto square = [](Context&, int number) {
        if (number % 16 == 0) yield();
        return std::int64_t{number} * number;
      };
      EXPECT_EQ(map_reduce(ctx, std::views::iota(1, 101), 5, square, std::plus<>(), std::int64_t{0}), 338'350);
    }
  });
}

}  // namespace
}  // namespace sluice
