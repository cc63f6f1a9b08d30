// SPDX-License-Identifier: MIT
#include <sluice/runtime/go.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/fiber_test.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(Run, ReturnsZeroWhenMainIsOk) {
  EXPECT_EQ(run([](Context&) { return Result<void>(); }), 0);
}

TEST(Run, WritesTheErrorAndReturnsOne) {
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(run([](Context&) -> Result<void> { return fail(Code::kUnavailable, "no disk"); }), 1);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("unavailable: no disk"), std::string::npos);
}

TEST(Run, MayBeCalledAgain) {
  for (int i = 0; i < 20; ++i) EXPECT_EQ(run([](Context&) { return Result<void>(); }, {.processors = 3}), 0);
}

// In a process of its own, which the limit cannot hurt any more: exits with what run() returns, or 2 if main ran.
[[noreturn]] void run_within(int resource, std::size_t limit, RuntimeOptions options) {
  rlimit least{limit, limit};
  if (::setrlimit(static_cast<__rlimit_resource>(resource), &least) != 0) ::_exit(3);
  bool has_run = false;
  int code = run(
      [&](Context&) -> Result<void> {
        has_run = true;
        return {};
      },
      options);
  ::_exit(has_run ? 2 : code);
}

// Of the process, with room for so much more.
std::size_t address_space_and(std::size_t more) {
  std::size_t pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%zu", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + more;
}

constexpr std::size_t kMiB = std::size_t{1} << 20;

class RunDeathTest : public ::testing::Test {
 protected:
  RunDeathTest() { ::testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(RunDeathTest, ReturnsOneWhenThereIsNoAddressSpaceForTheFirstFiber) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers have taken the address space";
  EXPECT_EXIT(run_within(RLIMIT_AS, address_space_and(32 * kMiB), {.processors = 1}), ::testing::ExitedWithCode(1),
              "resource exhausted: no memory or address space .* for the first fiber");
}

TEST_F(RunDeathTest, ReturnsOneWhenThereIsNoMemoryForTheScheduler) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers have taken the address space";
  EXPECT_EXIT(run_within(RLIMIT_AS, address_space_and(8 * kMiB), {.processors = 1000}), ::testing::ExitedWithCode(1),
              "resource exhausted: no memory for the scheduler");
}

TEST_F(RunDeathTest, ReturnsOneWhenThereIsNoThreadForAProcessor) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers have taken the address space";
  EXPECT_EXIT(run_within(RLIMIT_AS, address_space_and(100 * kMiB), {.processors = 64}), ::testing::ExitedWithCode(1),
              "resource exhausted: no thread for processor [0-9]+ of 64");
}

TEST_F(RunDeathTest, ReturnsOneWhenThereAreNoDescriptors) {
  if (kSanitized) GTEST_SKIP() << "UBSan needs a descriptor to look at an object, and takes it for broken without";
  EXPECT_EXIT(run_within(RLIMIT_NOFILE, 64, {.processors = 64}), ::testing::ExitedWithCode(1),
              "resource exhausted: descriptors .* for 64 processors and 65 reliefs");
}

TEST(Run, MayBeCalledAgainAfterItWasRefused) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers have taken the address space";
  auto main = [](Context&) { return Result<void>(); };
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(run(main, {.processors = 3, .stack_bytes = std::size_t{1} << 48}), 1);
    EXPECT_EQ(run(main, {.processors = 3}), 0);
  }
}

TEST(Run, AbandonsFibersThatStillWait) {
  if (kSanitized) GTEST_SKIP() << "what an abandoned fiber holds is lost, as leak checkers say";
  bool went_on = false;
  // Never destroyed: it would assert that nobody waits in it, and nobody is there to leave it any more.
  auto& channel = *new Chan<int>;
  on_processors(2, [&](Context&) {
    EXPECT_TRUE(go([&] {
      channel.recv();
      went_on = true;
    }));
    yield();
  });
  EXPECT_FALSE(went_on);
}

TEST(Go, StartsAFiberWithOrWithoutContext) {
  in_virtual_time([](Context&) {
    int calls = 0;
    WaitGroup ended;
    ended.add(2);
    EXPECT_TRUE(go([&] {
      ++calls;
      ended.done();
    }));
    EXPECT_TRUE(go([&](Context& root) {
      EXPECT_FALSE(root.is_cancelled());
      ++calls;
      ended.done();
    }));
    Context patient;
    EXPECT_TRUE(ended.wait(patient));
    EXPECT_EQ(calls, 2);
  });
}

TEST(Go, SaysSoWhenThereIsNoStack) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers have taken the address space";
  // Half of what an x86-64 process can address, so there is room for one.
  constexpr std::size_t kHalf = std::size_t{1} << 46;
  auto main = [](Context& ctx) -> Result<void> {
    auto started = go([] { FAIL(); });
    EXPECT_EQ(started.error().code(), Code::kResourceExhausted);

    TaskGroup group{ctx};
    group.go([](Context&) { FAIL(); });
    EXPECT_EQ(group.wait().error().code(), Code::kResourceExhausted);

    // The starter is none the worse for it: it still follows its own context.
    Chan<int> channel{1};
    EXPECT_TRUE(channel.send(1));
    EXPECT_EQ(channel.recv(), 1);
    return {};
  };
  EXPECT_EQ(run(main, {.processors = 1, .stack_bytes = kHalf}), 0);
}

TEST(GoDeathTest, AnExceptionThatLeavesAFiberEndsTheProcess) {
  auto escape = [](Context&) { throw 7; };
  EXPECT_DEATH(in_virtual_time([&](Context& ctx) {
                 static_cast<void>(go(escape));
                 let_all_park(ctx);
               }),
               "terminate called");
  EXPECT_DEATH(in_virtual_time([&](Context& ctx) {
                 TaskGroup group{ctx};
                 group.go(escape);
               }),
               "terminate called");
}

TEST(Yield, LetsTheOthersRunOnceEach) {
  in_virtual_time([](Context& ctx) {
    std::string trace;
    TaskGroup group{ctx};
    for (char name : {'a', 'b', 'c'})
      group.go([&trace, name](Context&) {
        for (int i = 0; i < 3; ++i) {
          trace += name;
          yield();
        }
      });
    EXPECT_TRUE(group.wait());
    // The one that was started last goes first, the others follow in order.
    EXPECT_EQ(trace, "cabcabcab");
  });
}

TEST(Yield, DoesNothingOutsideOfFibers) { yield(); }

TEST(Sleep, TakesItsTimeOnTheRuntimesClock) {
  in_virtual_time([](Context& ctx) {
    Instant begin = runtime_clock().now();
    EXPECT_TRUE(sleep(ctx, 24h));
    EXPECT_EQ(runtime_clock().now() - begin, 24h);
    EXPECT_TRUE(sleep(ctx, 0s));
    EXPECT_TRUE(sleep(ctx, -1s));
    EXPECT_EQ(runtime_clock().now() - begin, 24h);
  });
}

TEST(Sleep, WakesInTheOrderOfTime) {
  in_virtual_time([](Context& ctx) {
    std::vector<int> woken;
    TaskGroup group{ctx};
    for (int hours : {3, 1, 4, 1, 5, 9, 2, 6})
      group.go([&woken, hours](Context& own) -> Result<void> {
        SLUICE_TRY(sleep(own, std::chrono::hours(hours)));
        woken.push_back(hours);
        return {};
      });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(woken, (std::vector<int>{1, 1, 2, 3, 4, 5, 6, 9}));
  });
}

TEST(Scheduling, TwoFibersThatWakeEachOtherLetAThirdOneIn) {
  on_processors(1, [](Context& ctx) {
    std::atomic<bool> third_ran{false};
    Chan<int> there, back;
    TaskGroup group{ctx};
    group.go([&](Context&) { third_ran = true; });  // the one that is started last would go first
    group.go([&](Context&) {
      for (int value : there) back.send(value);
    });
    while (!third_ran) {  // for ever, if the third one had to wait until both wait
      there.send(1);
      back.recv();
    }
    there.close();
  });
}

TEST(Scheduling, TimersFireWhileFibersRunBackToBack) {
  on_processors(1, [](Context& ctx) {
    Context request{ctx, 1ms};
    Chan<int> there, back;
    TaskGroup group{ctx};
    group.go([&](Context&) {
      for (int value : there) back.send(value);
    });
    while (!request.is_cancelled()) {
      there.send(1);
      back.recv();
    }
    there.close();
  });
}

// A fiber that does not come back to the scheduler: what else belongs to its processor is taken by the other one.
TEST(Scheduling, AFiberThatHogsItsProcessorHoldsUpNobody) {
  on_processors(2, [](Context& ctx) {
    std::atomic<bool> neighbour_ran{false};
    TaskGroup group{ctx};
    group.go([&](Context&) { neighbour_ran = true; });
    while (!neighbour_ran) {}
  });
}

TEST(Scheduling, AFiberThatHogsItsProcessorDelaysNoTimer) {
  on_processors(2, [](Context& ctx) {
    Context request{ctx, 1ms};
    while (!request.is_cancelled()) {}
  });
}

// More fibers than fit into a local queue, from the inside and back, in an order that tells whether one was lost.
TEST(Scheduling, RunsMoreFibersThanALocalQueueHolds) {
  for (std::size_t processors : {1, 2, 4})
    on_processors(processors, [](Context& ctx) {
      constexpr int kFibers = 2'000;
      std::vector<std::atomic<int>> runs(kFibers);
      TaskGroup group{ctx};
      for (int i = 0; i < kFibers; ++i)
        group.go([&runs, i](Context&) {
          yield();
          runs[static_cast<std::size_t>(i)].fetch_add(1);
        });
      EXPECT_TRUE(group.wait());
      for (const std::atomic<int>& count : runs) ASSERT_EQ(count.load(), 1);
    });
}

// A ring of fibers in which one token goes round: at each moment all but one processor want to sleep. A wake-up that got
// lost stops it for good.
TEST(SchedulingStress, ATokenGoesRoundForEver) {
  for (std::size_t processors : {2, 4})
    on_processors(processors, [](Context& ctx) {
      constexpr std::size_t kSeats = 64;
      std::array<Chan<int>, kSeats> ring;
      TaskGroup group{ctx};
      for (std::size_t seat = 0; seat < kSeats; ++seat)
        group.go([&ring, seat](Context&) {
          Chan<int>& next = ring[(seat + 1) % kSeats];
          for (int token : ring[seat]) {
            if (token == 0) break;
            EXPECT_TRUE(next.send(token - 1));
          }
          next.close();  // goes round once as well, and ends at who got the zero
        });
      ring[0].send(kManyTimes);
      EXPECT_TRUE(group.wait());
    });
}

// Bursts of work with idleness between them: each burst has to wake who went to sleep.
TEST(SchedulingStress, BurstsWakeWhoeverSleeps) {
  for (std::size_t processors : {2, 4})
    on_processors(processors, [](Context& ctx) {
      for (int burst = 0; burst < kManyTimes / 100; ++burst) {
        std::atomic<int> left{burst % 40};
        TaskGroup group{ctx};
        for (int i = 0; i < burst % 40; ++i)
          group.go([&](Context& own) -> Result<void> {
            yield();
            if (left.fetch_sub(1) % 8 == 0) SLUICE_TRY(sleep(own, 10us));
            return {};
          });
        EXPECT_TRUE(group.wait());
      }
    });
}

}  // namespace
}  // namespace sluice
