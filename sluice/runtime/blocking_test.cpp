// SPDX-License-Identifier: MIT
#include <sluice/runtime/blocking.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <poll.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/fiber_test.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;

// A thread that reads from it stands still until somebody writes.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe(ends_.data()), 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  void write_one() const { EXPECT_EQ(::write(ends_[1], "x", 1), 1); }
  [[nodiscard]] int writing_end() const { return ends_[1]; }
  void read_one() const {
    char byte = 0;
    EXPECT_EQ(::read(ends_[0], &byte, 1), 1);
  }

 private:
  std::array<int, 2> ends_{};
};

TEST(Blocking, ReturnsWhatItsFunctionReturns) {
  in_virtual_time([](Context&) {
    int number = 7;
    EXPECT_EQ(blocking([] { return 5; }), 5);
    EXPECT_EQ(&blocking([&]() -> int& { return number; }, Expect::kLong), &number);
    blocking([&] { ++number; });
    EXPECT_EQ(number, 8);
  });
}

TEST(Blocking, MayBeNestedAndUsedOutsideOfFibers) {
  EXPECT_EQ(blocking([] { return blocking([] { return 5; }, Expect::kLong); }), 5);
  in_virtual_time([](Context& ctx) {
    for (Expect outer : {Expect::kShort, Expect::kLong})
      EXPECT_EQ(blocking([] { return blocking([] { return 5; }, Expect::kLong); }, outer), 5);
    EXPECT_TRUE(sleep(ctx, 1s));
  });
}

TEST(Blocking, LetsAnExceptionThrough) {
  in_virtual_time([](Context& ctx) {
    for (Expect expect : {Expect::kShort, Expect::kLong}) {
      // Coming back is a switch while the exception is in flight.
      EXPECT_THROW(blocking([] { throw std::runtime_error("no"); }, expect), std::runtime_error);
      EXPECT_EQ(std::uncaught_exceptions(), 0);
      EXPECT_TRUE(sleep(ctx, 1s));
    }
  });
}

// With one processor: if it were not handed on, nobody could ever write.
TEST(Blocking, HoldsUpNobodyOnOneProcessor) {
  for (Expect expect : {Expect::kShort, Expect::kLong})
    on_processors(1, [&](Context& ctx) {
      Pipe pipe;
      TaskGroup group{ctx};
      group.go([&](Context&) { blocking([&] { pipe.read_one(); }, expect); });
      group.go([&](Context& own) -> Result<void> {
        SLUICE_TRY(sleep(own, 1ms));  // timers of that processor go on, too
        pipe.write_one();
        return {};
      });
      EXPECT_TRUE(group.wait());
    });
}

TEST(Blocking, HoldsUpNobodyHoweverManyDoItAtOnce) {
  on_processors(1, [](Context& ctx) {
    constexpr int kBlocked = 40;
    Pipe pipe;
    std::atomic<int> left{kBlocked};
    TaskGroup group{ctx};
    for (int i = 0; i < kBlocked; ++i)
      group.go([&](Context&) {
        blocking(
            [&] {
              left.fetch_sub(1);
              pipe.read_one();
            },
            Expect::kLong);
      });
    while (left > 0) yield();
    for (int i = 0; i < kBlocked; ++i) pipe.write_one();
    EXPECT_TRUE(group.wait());
  });
}

// More than may last at once, on one processor, which is the one that has to write.
TEST(Blocking, WaitsForRoomWhereAsManyLastAsMay) {
  constexpr std::size_t kLasting = 2;
  for (Expect expect : {Expect::kShort, Expect::kLong}) {
    constexpr int kBlocked = 8;
    std::atomic<int> inside{0}, most{0};
    auto main = [&](Context& ctx) -> Result<void> {
      Pipe pipe;
      TaskGroup group{ctx};
      for (int i = 0; i < kBlocked; ++i)
        group.go([&](Context&) {
          blocking(
              [&] {
                int now = inside.fetch_add(1) + 1;
                if (now > most) most = now;
                pipe.read_one();
                inside.fetch_sub(1);
              },
              expect);
        });
      group.go([&](Context&) {
        while (most < static_cast<int>(kLasting)) yield();
        for (int i = 0; i < kBlocked; ++i) pipe.write_one();
      });
      return group.wait();
    };
    EXPECT_EQ(run(main, {.processors = 1, .blocking_calls_max = kLasting, .hog_after = 1h}), 0);
    EXPECT_GE(most, kLasting);
    EXPECT_LE(most, kLasting + 1);
  }
}

TEST(Blocking, WithAContextReturnsWhatItsFunctionReturns) {
  in_virtual_time([](Context& ctx) {
    EXPECT_EQ(*blocking(ctx, [] { return std::make_unique<int>(5); }).value(), 5);
    EXPECT_TRUE(blocking(ctx, [] {}));
    EXPECT_EQ(blocking(ctx, []() -> Result<int> { return fail(Code::kAborted, "no"); }).error().code(), Code::kAborted);
  });
}

TEST(Blocking, GoesOnWithoutTheCallerWhoseContextEnds) {
  on_processors(1, [](Context& ctx) {
    auto pipe = std::make_shared<Pipe>();
    int writing_end = pipe->writing_end();
    std::weak_ptr<Pipe> kept_by_the_call = pipe;
    Context request{ctx, 1ms};
    EXPECT_EQ(blocking(request, [pipe = std::move(pipe)] { pipe->read_one(); }).error().code(), Code::kDeadlineExceeded);
    EXPECT_FALSE(kept_by_the_call.expired());
    EXPECT_EQ(::write(writing_end, "x", 1), 1);
    while (!kept_by_the_call.expired()) yield();
  });
}

TEST(Blocking, DoesNotBeginWithAContextThatHasEnded) {
  in_virtual_time([](Context& ctx) {
    Context request{ctx};
    request.cancel();
    bool has_begun = false;
    EXPECT_FALSE(blocking(request, [&] { has_begun = true; }));
    EXPECT_FALSE(has_begun);
  });
}

TEST(Blocking, WakesOthersFromInside) {
  on_processors(1, [](Context& ctx) {
    Chan<int> channel{1};
    Pipe pipe;
    TaskGroup group{ctx};
    group.go([&](Context&) {
      EXPECT_EQ(channel.recv(), 7);
      pipe.write_one();
    });
    yield();  // it waits now
    blocking([&] {
      int value = 7;
      EXPECT_TRUE(channel.try_send(value));
      pipe.read_one();
    });
    EXPECT_TRUE(group.wait());
  });
}

TEST(Blocking, VirtualTimeStandsStillMeanwhile) {
  in_virtual_time([](Context& ctx) {
    Pipe pipe;
    Instant begin = runtime_clock().now();
    std::atomic<bool> has_slept{false};
    TaskGroup group{ctx};
    group.go([&](Context& own) -> Result<void> {
      SLUICE_TRY(sleep(own, 1h));
      has_slept = true;
      return {};
    });
    std::thread writer;
    blocking(
        [&] {
          writer = std::thread([&] { pipe.write_one(); });
          pipe.read_one();
          EXPECT_FALSE(has_slept);
          EXPECT_EQ(runtime_clock().now(), begin);
        },
        Expect::kLong);
    writer.join();
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(runtime_clock().now() - begin, 1h);
  });
}

TEST(BlockingDeathTest, NothingParksInside) {
  EXPECT_DEATH(in_virtual_time([](Context& ctx) { blocking([&] { static_cast<void>(sleep(ctx, 1s)); }); }),
               "nothing parks inside blocking");
  EXPECT_DEATH(in_virtual_time([](Context&) { blocking([&] { static_cast<void>(go([] {})); }); }),
               "outside of blocking");
}

// run() comes back when the call has.
TEST(Blocking, MayBeUnderWayWhenTheRuntimeEnds) {
  if (kSanitized) GTEST_SKIP() << "what an abandoned fiber holds is lost, as leak checkers say";
  for (Expect expect : {Expect::kShort, Expect::kLong}) {
    Pipe pipe;
    std::atomic<bool> has_returned{false};
    std::thread writer;
    on_processors(2, [&](Context&) {
      std::atomic<bool> is_inside{false};
      EXPECT_TRUE(go([&] {
        blocking(
            [&] {
              is_inside = true;
              pipe.read_one();
              has_returned = true;
            },
            expect);
      }));
      while (!is_inside) yield();
      writer = std::thread([&] { pipe.write_one(); });
    });
    EXPECT_TRUE(has_returned);
    writer.join();
  }
}

// Processors change hands all the time, between sysmon, threads that come back and thieves.
TEST(BlockingStress, NoFiberIsLostOrRunsTwice) {
  on_few_and_many_processors([](Context& ctx) {
    constexpr int kFibers = 16;
    std::array<int, kFibers> rounds{};  // plain on purpose: TSan sees two that run as one
    TaskGroup group{ctx};
    for (int& mine : rounds)
      group.go([&mine](Context& own) -> Result<void> {
        for (int i = 0; i < kManyTimes / 250; ++i) {
          blocking([&] { ++mine; }, i % 4 == 0 ? Expect::kLong : Expect::kShort);
          if (i % 7 == 0) blocking([] { ::poll(nullptr, 0, 1); });  // a millisecond: long enough for sysmon
          if (i % 5 == 0) SLUICE_TRY(sleep(own, 1us));
          yield();
        }
        return {};
      });
    EXPECT_TRUE(group.wait());
    for (int count : rounds) EXPECT_EQ(count, kManyTimes / 250);
  });
}

// All leave at the same moment, and there is one processor, half asleep, to wake: a wake-up that gets lost stops it.
TEST(BlockingStress, ReturningThreadsWakeASleepingProcessor) {
  on_processors(1, [](Context& ctx) {
    TaskGroup group{ctx};
    for (int i = 0; i < 4; ++i)
      group.go([](Context&) {
        for (int round = 0; round < kManyTimes / 50; ++round) blocking([] {}, Expect::kLong);
      });
    EXPECT_TRUE(group.wait());
  });
}

// The same with a clock that jumps when all wait: coming back must not leave it standing.
TEST(BlockingStress, VirtualTimeGoesOnAfterwards) {
  in_virtual_time([](Context& ctx) {
    TaskGroup group{ctx};
    for (int i = 0; i < 4; ++i)
      group.go([](Context& own) -> Result<void> {
        for (int round = 0; round < kManyTimes / 50; ++round) {
          blocking([] {}, Expect::kLong);
          SLUICE_TRY(sleep(own, 1s));
        }
        return {};
      });
    EXPECT_TRUE(group.wait());
  });
}

}  // namespace
}  // namespace sluice
