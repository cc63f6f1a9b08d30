// SPDX-License-Identifier: MIT
#include <sluice/runtime/worker_pool.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/fiber_test.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;

using Pool = WorkerPool<int, int>;

std::vector<int> numbers(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

TEST(WorkerPool, AnswersEachItemInOrder) {
  in_virtual_time([](Context& ctx) {
    Pool pool{ctx, {.workers = 5, .queue = 10}, [](Context& own, const int& item) -> Result<int> {
                SLUICE_TRY(sleep(own, (item * 7 % 11) * 1s));  // they end in another order
                return item * 2;
              }};
    for (int count : {0, 1, 4, 5, 6, 100}) {
      auto results = pool.process(ctx, numbers(count));
      ASSERT_EQ(results.size(), static_cast<std::size_t>(count));
      for (int i = 0; i < count; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)], i * 2);
    }
  });
}

TEST(WorkerPool, DoesAsManyAtATimeAsItHasWorkers) {
  in_virtual_time([](Context& ctx) {
    int busy = 0, busiest = 0;
    Pool pool{ctx, {.workers = 3, .queue = 2}, [&](Context& own, const int& item) -> Result<int> {
                busiest = std::max(busiest, ++busy);
                SLUICE_TRY(sleep(own, 1s));
                --busy;
                return item;
              }};
    Instant begin = runtime_clock().now();
    pool.process(ctx, numbers(12));
    EXPECT_EQ(busiest, 3);
    EXPECT_EQ(runtime_clock().now() - begin, 4s);
  });
}

TEST(WorkerPool, AnErrorIsTheAnswerToItsItemAlone) {
  in_virtual_time([](Context& ctx) {
    Pool pool{ctx, {.workers = 2, .queue = 2}, [](Context&, const int& item) -> Result<int> {
                if (item == 1) return fail(Code::kInvalidArgument, "odd");
                return item;
              }};
    auto results = pool.process(ctx, numbers(4));
    EXPECT_EQ(results[0], 0);
    EXPECT_EQ(results[1].error().code(), Code::kInvalidArgument);
    EXPECT_EQ(results[2], 2);
    EXPECT_EQ(results[3], 3);
  });
}

// Two are done, two are under way and see it, of the rest none is begun.
TEST(WorkerPool, AnswersWithTheCauseWhatTheRequestDidNotLiveToSee) {
  in_virtual_time([](Context& ctx) {
    int begun = 0;
    Pool pool{ctx, {.workers = 2, .queue = 3}, [&](Context& own, const int& item) -> Result<int> {
                ++begun;
                SLUICE_TRY(sleep(own, 1s));
                return item;
              }};
    Context request{ctx, 1500ms};
    auto results = pool.process(request, numbers(10));
    EXPECT_EQ(begun, 4);
    EXPECT_EQ(results[0], 0);
    EXPECT_EQ(results[1], 1);
    for (std::size_t i = 2; i < results.size(); ++i)
      EXPECT_EQ(results[i].error().code(), Code::kDeadlineExceeded) << i;

    EXPECT_EQ(pool.process(ctx, numbers(1))[0], 0);  // for others it goes on
  });
}

TEST(WorkerPool, BeginsNothingOnceItsOwnContextHasEnded) {
  in_virtual_time([](Context& ctx) {
    Context service{ctx};
    Pool pool{service, {.workers = 2, .queue = 2}, [](Context& own, const int& item) -> Result<int> {
                SLUICE_TRY(sleep(own, 1s));
                return item;
              }};
    TaskGroup stopper{ctx};
    stopper.go([&](Context& own) -> Result<void> {
      SLUICE_TRY(sleep(own, 1500ms));
      service.cancel(Error(Code::kUnavailable, "shutting down"));
      return {};
    });
    auto results = pool.process(ctx, numbers(8));
    for (int i = 0; i < 4; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)], i);  // begun, so done
    for (std::size_t i = 4; i < 8; ++i) EXPECT_EQ(results[i].error().code(), Code::kUnavailable);
  });
}

TEST(WorkerPool, SaysSoWhenThereAreNoStacksForItsWorkers) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers have taken the address space";
  auto main = [](Context& ctx) -> Result<void> {
    Pool pool{ctx, {.workers = 2, .queue = 2}, [](Context&, const int& item) -> Result<int> { return item; }};
    auto results = pool.process(ctx, numbers(3));
    EXPECT_EQ(results.size(), 3U);
    for (const auto& result : results) EXPECT_EQ(result.error().code(), Code::kResourceExhausted);
    return {};
  };
  // Half of what an x86-64 process can address, so there is room for one stack.
  EXPECT_EQ(run(main, {.processors = 1, .stack_bytes = std::size_t{1} << 46}), 0);
}

TEST(WorkerPoolDeathTest, NeedsAWorker) {
  EXPECT_DEATH(in_virtual_time([](Context& ctx) {
                 Pool pool{ctx, {.workers = 0, .queue = 1}, [](Context&, const int& item) { return Result<int>(item); }};
               }),
               "would never answer");
}

TEST(WorkerPoolStress, ManyCallersShareIt) {
  on_few_and_many_processors([](Context& ctx) {
    Pool pool{ctx, {.workers = 5, .queue = 4}, [](Context&, const int& item) { return Result<int>(item + 1); }};
    TaskGroup callers{ctx};
    for (int caller = 0; caller < 10; ++caller)
      callers.go([&](Context& own) {
        for (int round = 0; round < kManyTimes / 2'000; ++round) {
          Context request{own};
          TaskGroup canceller{own};
          if (round % 3 == 0) canceller.go([&](Context&) { request.cancel(); });
          auto results = pool.process(request, numbers(20));
          for (int i = 0; i < 20; ++i) {
            const auto& result = results[static_cast<std::size_t>(i)];
            if (result) {
              EXPECT_EQ(*result, i + 1);
            } else {
              EXPECT_EQ(result.error().code(), Code::kCancelled);
            }
          }
        }
      });
    EXPECT_TRUE(callers.wait());
  });
}

}  // namespace
}  // namespace sluice
