// SPDX-License-Identifier: MIT
#include <sluice/runtime/task_group.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/many_seeds_test.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(TaskGroup, TheFirstErrorEndsTheOthersAndIsTheAnswer) {
  in_virtual_time([](Context& ctx) {
    int cancelled = 0;
    TaskGroup group{ctx};
    for (int i = 0; i < 3; ++i)
      group.go([&](Context& own) -> Result<void> {
        auto slept = sleep(own, 1h);
        cancelled += slept ? 0 : 1;
        return slept;
      });
    group.go([](Context& own) -> Result<void> {
      SLUICE_TRY(sleep(own, 1s));
      return fail(Code::kDataLoss, "torn");
    });
    EXPECT_EQ(group.wait().error().code(), Code::kDataLoss);
    EXPECT_EQ(group.wait().error().code(), Code::kDataLoss);  // as often as one likes
    EXPECT_EQ(cancelled, 3);
    EXPECT_TRUE(ctx.check());

    group.go([](Context&) { ADD_FAILURE() << "the group has ended"; });
    EXPECT_FALSE(group.wait());
  });
}

// Else a request whose time is up after half of its parts would look complete.
TEST(TaskGroup, SaysSoIfNotAllWereCalled) {
  in_virtual_time([](Context& ctx) {
    Context request{ctx};
    TaskGroup group{request};
    int calls = 0;
    group.go([&](Context&) { ++calls; });
    EXPECT_TRUE(group.wait());
    request.cancel(Error(Code::kAborted, "the client went away"));
    EXPECT_TRUE(group.wait());  // nothing has been left out yet
    group.go([&](Context&) { ++calls; });
    EXPECT_EQ(group.wait().error().code(), Code::kAborted);
    EXPECT_EQ(calls, 1);
  });
}

TEST(TaskGroup, ItsEndCancelsAndJoinsWhatStillRuns) {
  in_virtual_time([](Context& ctx) {
    bool has_ended = false;
    {
      TaskGroup group{ctx};
      group.go([&](Context& own) {
        EXPECT_EQ(sleep(own, 1h).error().code(), Code::kCancelled);
        Context patient;
        EXPECT_TRUE(sleep(patient, 1s));  // cleaning up takes its time
        has_ended = true;
      });
      let_all_park(ctx);
    }
    EXPECT_TRUE(has_ended);
  });
}

TEST(TaskGroup, AFiberMayStartOthersInItsOwnGroup) {
  in_virtual_time([](Context& ctx) {
    int count = 0;
    TaskGroup group{ctx};
    std::function<void(int)> spread = [&](int generations) {
      ++count;
      for (int i = 0; i < 2 && generations > 0; ++i)
        group.go([&, generations](Context&) { spread(generations - 1); });
    };
    group.go([&](Context&) { spread(5); });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(count, 63);
  });
}

// Never more than so many at a time, and as many if there is work.
TEST(TaskGroupLimit, KeepsSoManyBusy) {
  in_virtual_time([](Context& ctx) {
    int running = 0, running_max = 0, started = 0;
    TaskGroup group{ctx, {.limit = 3}};
    Instant begin = runtime_clock().now();
    for (int i = 0; i < 9; ++i) {
      EXPECT_TRUE(group.go(ctx, [&](Context& own) -> Result<void> {
        running_max = std::max(running_max, ++running);
        SLUICE_TRY(sleep(own, 1s));
        --running;
        return {};
      }));
      ++started;
    }
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(running_max, 3);
    EXPECT_EQ(started, 9);
    EXPECT_EQ(runtime_clock().now() - begin, 3s);
  });
}

TEST(TaskGroupLimit, TryGoStartsOnlyWhatHasAPlace) {
  in_virtual_time([](Context& ctx) {
    int calls = 0;
    TaskGroup group{ctx, {.limit = 2}};
    auto work = [&](Context& own) {
      ++calls;
      return sleep(own, 1s);
    };
    EXPECT_TRUE(group.try_go(work));
    EXPECT_TRUE(group.try_go(work));
    EXPECT_FALSE(group.try_go(work));
    EXPECT_TRUE(sleep(ctx, 2s));
    EXPECT_TRUE(group.try_go(work));
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(calls, 3);
    group.context().cancel();
    EXPECT_FALSE(group.try_go(work));
  });
}

TEST(TaskGroupLimit, WhoWaitsForAPlaceIsServedFirstComeFirstServed) {
  in_virtual_time([](Context& ctx) {
    std::string order;
    TaskGroup group{ctx, {.limit = 1}};
    TaskGroup starters{ctx};
    EXPECT_TRUE(group.try_go([](Context& own) { return sleep(own, 1s); }));
    for (char who : {'a', 'b', 'c'}) {
      starters.go([&, who](Context& own) {
        return group.go(own, [&, who](Context& running) {
          order += who;
          return sleep(running, 1s);
        });
      });
      let_all_park(ctx);
    }
    EXPECT_FALSE(group.try_go([](Context&) {}));
    EXPECT_TRUE(starters.wait());
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(order, "abc");
  });
}

TEST(TaskGroupLimit, WaitingForAPlaceEndsWithTheContextOfWhoWaits) {
  in_virtual_time([](Context& ctx) {
    TaskGroup group{ctx, {.limit = 1}};
    EXPECT_TRUE(group.try_go([](Context& own) { return sleep(own, 1h); }));
    Context request{ctx, 1s};
    auto never = [](Context&) { ADD_FAILURE() << "there was no place"; };
    EXPECT_EQ(group.go(request, never).error().code(), Code::kDeadlineExceeded);
    EXPECT_EQ(group.go(request, never).error().code(), Code::kDeadlineExceeded);  // and if it has ended before
    EXPECT_TRUE(group.context().check());
  });
}

// At once: a fiber that does not listen to its context keeps nobody waiting but those who wait for it.
TEST(TaskGroupLimit, WaitingForAPlaceEndsWithTheGroup) {
  in_virtual_time([](Context& ctx) {
    Context patient;
    TaskGroup group{ctx, {.limit = 2}};
    EXPECT_TRUE(group.try_go([&](Context&) { EXPECT_TRUE(sleep(patient, 1h)); }));
    EXPECT_TRUE(group.try_go([](Context& own) -> Result<void> {
      SLUICE_TRY(sleep(own, 1s));
      return fail(Code::kDataLoss, "torn");
    }));
    Instant begin = runtime_clock().now();
    auto never = [](Context&) { ADD_FAILURE() << "the group has ended"; };
    EXPECT_EQ(group.go(patient, never).error().code(), Code::kDataLoss);
    EXPECT_EQ(runtime_clock().now() - begin, 1s);
    EXPECT_EQ(group.go(patient, never).error().code(), Code::kDataLoss);
    EXPECT_EQ(group.wait().error().code(), Code::kDataLoss);
  });
}

TEST(TaskGroupLimit, WaitingForAPlaceEndsWhenTheGroupIsCancelled) {
  in_virtual_time([](Context& ctx) {
    Context patient;
    TaskGroup group{ctx, {.limit = 1}};
    EXPECT_TRUE(group.try_go([&](Context&) { EXPECT_TRUE(sleep(patient, 1h)); }));
    TaskGroup canceller{ctx};
    canceller.go([&](Context& own) -> Result<void> {
      SLUICE_TRY(sleep(own, 1s));
      group.context().cancel(Error(Code::kAborted, "enough"));
      return {};
    });
    Instant begin = runtime_clock().now();
    EXPECT_EQ(group.go(patient, [](Context&) {}).error().code(), Code::kAborted);
    EXPECT_EQ(runtime_clock().now() - begin, 1s);
  });
}

TEST(TaskGroupDeathTest, WithALimitNothingStartsWithoutWaiting) {
  auto start = [](TaskGroup::Options options) {
    in_virtual_time([&](Context& ctx) {
      TaskGroup group{ctx, options};
      group.go([](Context&) {});
    });
  };
  EXPECT_DEATH(start({.limit = 5}), "by go\\(ctx, fn\\) or try_go");
  EXPECT_DEATH(start({.limit = 0}), "may run nothing");
  start({});
}

TEST(TaskGroupProperty, RunsEachFiberOnceWithinItsLimit) {
  over_many_seeds([](Context& ctx, Chance& chance) {
    const int limit = static_cast<int>(chance.below(4)) + 1;
    int running = 0, started = 0, run = 0;
    TaskGroup group{ctx, {.limit = static_cast<std::size_t>(limit)}};
    auto work = [&](Context&) {
      EXPECT_LE(++running, limit);
      chance.wander();
      --running;
      ++run;
    };
    TaskGroup starters{ctx};
    for (int fiber = 0; fiber < 4; ++fiber)
      starters.go([&](Context& own) {
        for (int step = 0; step < 10; ++step) {
          if (chance.one_in(3)) {
            if (group.try_go(work)) ++started;
          } else {
            Context request{own, chance.one_in(2) ? Duration::max() : Duration(chance.below(10))};
            if (group.go(request, work)) {
              ++started;
            } else {
              EXPECT_TRUE(request.is_cancelled());
            }
          }
          chance.wander();
        }
      });
    EXPECT_TRUE(starters.wait());
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(run, started);
    EXPECT_EQ(running, 0);
    for (int i = 0; i < limit; ++i) EXPECT_TRUE(group.try_go([](Context& own) { return sleep(own, 1s); }));
    EXPECT_FALSE(group.try_go([](Context&) {}));
  });
}

TEST(TaskGroupStress, LosesNoPlaceWhileStartersGiveUp) {
  on_few_and_many_processors([](Context& ctx) {
    constexpr int kLimit = 3;
    std::atomic<int> running{0}, started{0}, run{0};
    TaskGroup group{ctx, {.limit = kLimit}};
    auto work = [&](Context&) {
      EXPECT_LE(running.fetch_add(1) + 1, kLimit);
      if (run.fetch_add(1) % 4 == 0) yield();
      running.fetch_sub(1);
    };
    TaskGroup starters{ctx};
    for (int i = 0; i < 6; ++i)
      starters.go([&](Context& own) {
        for (int round = 0; round < kManyTimes / 100; ++round) {
          Context request{own};
          TaskGroup canceller{own};
          if (round % 4 == 0) canceller.go([&](Context&) { request.cancel(); });
          if (group.go(request, work)) started.fetch_add(1);
        }
      });
    EXPECT_TRUE(starters.wait());
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(run.load(), started.load());
  });
}

// The group ends by an error while its starters wait, give up, or just get a place.
TEST(TaskGroupStress, AnErrorReachesEveryStarter) {
  on_few_and_many_processors([](Context& ctx) {
    for (int round = 0; round < kManyTimes / 500; ++round) {
      TaskGroup group{ctx, {.limit = 2}};
      TaskGroup starters{ctx};
      for (int i = 0; i < 4; ++i)
        starters.go([&](Context& own) {
          for (int k = 0;; ++k) {
            auto fail_at_last = [k](Context&) -> Result<void> {
              yield();
              return k < 3 ? Result<void>() : fail(Code::kDataLoss, "torn");
            };
            if (auto begun = group.go(own, fail_at_last); !begun) {
              EXPECT_EQ(begun.error().code(), Code::kDataLoss);
              return;
            }
          }
        });
      EXPECT_TRUE(starters.wait());
      EXPECT_EQ(group.wait().error().code(), Code::kDataLoss);
    }
  });
}

// The fiber's last act may be what lets the group, and with it the memory of all, go.
TEST(TaskGroupStress, MayDieWhenItsLastFiberHasEnded) {
  on_few_and_many_processors([](Context& ctx) {
    for (int round = 0; round < kManyTimes / 20; ++round) {
      auto group = std::make_unique<TaskGroup>(ctx);
      auto result = std::make_unique<int>(0);
      group->go([out = result.get()](Context& own) {
        static_cast<void>(sleep(own, 1us));
        *out = 1;
      });
      if (round % 2 == 0) static_cast<void>(group->wait());
      group.reset();
      EXPECT_LE(*result, 1);
    }
  });
}

}  // namespace
}  // namespace sluice
