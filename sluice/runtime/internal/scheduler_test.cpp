// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/scheduler.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <ctime>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

#include <gtest/gtest.h>

#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/fiber_test.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/pollable.hpp>
#include <sluice/runtime/select.hpp>
#include <sluice/runtime/semaphore.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice::internal {
namespace {

using namespace std::chrono_literals;

Duration processor_time() {
  timespec used{};
  EXPECT_EQ(::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), 0);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

// Real time, for once: what is measured is that nothing happens in it. The limit is a hundredth of what one thread that
// spins would use, and holds however busy the machine is.
TEST(Scheduler, AnIdleProcessBurnsNothing) {
  for (std::size_t processors : {1, 2, 4})
    on_processors(processors, [](Context& ctx) {
      WaitGroup starting;
      starting.add(100);
      TaskGroup waiting{ctx};
      for (int i = 0; i < 100; ++i)
        waiting.go([&](Context& own) {
          starting.done();
          static_cast<void>(sleep(own, 1h));
        });
      EXPECT_TRUE(starting.wait(ctx));  // under TSan that takes a while
      EXPECT_TRUE(sleep(ctx, 50ms));    // who has spun has stopped by now
      Duration before = processor_time();
      EXPECT_TRUE(sleep(ctx, 200ms));
      EXPECT_LT(processor_time() - before, kSanitized ? 20ms : 2ms);
    });
}

// Two that wake each other for ever never leave the processor; what comes from outside arrives all the same.
TEST(Scheduler, TheGlobalQueueIsServedWhileFibersRunBackToBack) {
  on_processors(1, [](Context& ctx) {
    Chan<int> there, back, outside{1};
    TaskGroup group{ctx};
    group.go([&](Context&) {
      for (int value : there) back.send(value);
    });
    bool has_come = false;
    group.go([&](Context&) {
      outside.recv();
      has_come = true;
    });
    yield();
    std::thread foreigner([&] {
      int value = 1;
      EXPECT_TRUE(outside.try_send(value));
    });
    while (!has_come) {
      there.send(1);
      back.recv();
    }
    there.close();
    foreigner.join();
  });
}

// More are runnable all the time than a processor's queue holds, so the global one is never empty.
TEST(Scheduler, TimersAndInputAreServedWhileTheGlobalQueueIsNeverEmpty) {
  in_virtual_time([](Context& ctx) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    auto input = Pollable::adopt(ends[0]);
    ASSERT_TRUE(input);
    int served = 0, turns = 0;
    TaskGroup group{ctx};
    group.go([&](Context& own) { served += sleep(own, 10ms) ? 1 : 0; });
    group.go([&](Context& own) { served += (*input)->wait_readable(own) ? 1 : 0; });
    yield();
    EXPECT_EQ(::write(ends[1], "!", 1), 1);
    static_cast<ManualClock&>(runtime_clock()).advance(10ms);
    constexpr int kRunnable = 4 * RunQueue::kCapacity;
    constexpr int kTurnsMax = 1'000 * kRunnable;
    for (int i = 0; i < kRunnable; ++i)
      group.go([&](Context&) {
        for (; served < 2 && turns < kTurnsMax; ++turns) yield();
      });
    EXPECT_TRUE(group.wait());
    EXPECT_LT(turns, 2 * kRunnable);
    ::close(ends[1]);
  });
}

// Starts a tree of fibers, each of which joins its two children. How many are there at once is in `most`.
struct Tree {
  int alive = 0, most = 0;

  void grow(Context& ctx, int height) {
    most = std::max(most, ++alive);
    TaskGroup children{ctx};
    for (int i = 0; i < 2 && height > 1; ++i)
      children.go([&, height](Context& own) { grow(own, height - 1); });
    EXPECT_TRUE(children.wait());
    --alive;
  }
};

TEST(Scheduler, ATreeOfJoinsIsRunInDepth) {
  in_virtual_time([](Context& ctx) {
    constexpr int kHeight = 12;
    Tree tree;
    tree.grow(ctx, kHeight);
    EXPECT_LT(tree.most, 20 * kHeight);  // for fairness not all the time in depth; in breadth it would be 2,048 and more
  });
}

TEST(Scheduler, WhoJoinsAllTheTimeLetsTheQueueIn) {
  in_virtual_time([](Context& ctx) {
    bool has_run = false;
    TaskGroup bystanders{ctx};
    int trees = 0;
    TaskGroup joiners{ctx};
    joiners.go([&](Context& own) {
      bystanders.go([&](Context&) { has_run = true; });
      for (; !has_run && trees < 1'000; ++trees) Tree{}.grow(own, 4);
    });
    EXPECT_TRUE(joiners.wait());
    EXPECT_LT(trees, 20);
    EXPECT_TRUE(bystanders.wait());
  });
}

TEST(Scheduler, FibersThatOnlyYieldLetEverybodyIn) {
  on_processors(2, [](Context& ctx) {
    std::atomic<int> arrived{0};
    TaskGroup group{ctx};
    constexpr int kYielding = 8;
    for (int i = 0; i < kYielding; ++i)
      group.go([&](Context&) {
        arrived.fetch_add(1);
        while (arrived.load() < 2 * kYielding) yield();
      });
    for (int i = 0; i < kYielding; ++i)
      group.go([&](Context& own) -> Result<void> {
        SLUICE_TRY(sleep(own, 1ms));
        arrived.fetch_add(1);
        return {};
      });
    EXPECT_TRUE(group.wait());
  });
}

// From a thread that is none of ours, with nobody awake to notice by himself.
TEST(SchedulerStress, AForeignThreadWakesASleepingProcessor) {
  for (std::size_t processors : {1, 2})
    on_processors(processors, [](Context&) {
      constexpr int kValues = kManyTimes / 50;
      Chan<int> channel{1};
      std::thread foreigner([&] {
        for (int value = 0; value < kValues;)
          if (int copy = value; channel.try_send(copy)) ++value;
      });
      for (int value = 0; value < kValues; ++value) EXPECT_EQ(channel.recv(), value);
      foreigner.join();
    });
}

TEST(SchedulerStress, SeveralForeignThreadsWakeOneProcessor) {
  on_processors(1, [](Context& ctx) {
    constexpr int kThreads = 3, kValues = kManyTimes / 200;
    std::array<Chan<int>, kThreads> channels{Chan<int>{1}, Chan<int>{1}, Chan<int>{1}};
    std::vector<std::thread> foreigners;
    TaskGroup group{ctx};
    for (Chan<int>& channel : channels) {
      foreigners.emplace_back([&] {
        for (int value = 0; value < kValues;) {
          int copy = value;
          if (channel.try_send(copy)) {
            ++value;
          } else {
            std::this_thread::yield();
          }
        }
      });
      group.go([&](Context&) {
        for (int value = 0; value < kValues; ++value) EXPECT_EQ(channel.recv(), value);
      });
    }
    EXPECT_TRUE(group.wait());
    for (std::thread& foreigner : foreigners) foreigner.join();
  });
}

// Fibers that wait in every way there is, when main returns: run() returns as well, and none goes on.
TEST(Scheduler, EndsWhateverFibersStillWaitFor) {
  if (kSanitized) GTEST_SKIP() << "what an abandoned fiber holds is lost, as leak checkers say";
  struct Rooms {
    Chan<int> channel;
    Mutex mutex;
    Semaphore semaphore{0};
    WaitGroup pending;
    std::atomic<int> gone_on{0};
  };
  for (std::size_t processors : {1, 2, 4}) {
    auto& rooms = *new Rooms;  // never destroyed: they would assert that nobody waits in them
    on_processors(processors, [&](Context& ctx) {
      rooms.pending.add();
      auto abandon = [&](auto wait) {
        EXPECT_TRUE(go([&rooms, wait](Context& root) {
          wait(rooms, root);
          rooms.gone_on.fetch_add(1);
        }));
      };
      abandon([](Rooms& all, Context& root) {
        std::lock_guard hold(all.mutex);
        static_cast<void>(sleep(root, 1h));
      });
      while (rooms.mutex.try_lock()) rooms.mutex.unlock(), yield();  // until that one holds it
      for (int i = 0; i < 20; ++i) {
        abandon([](Rooms& all, Context&) { all.channel.recv(); });
        abandon([](Rooms& all, Context&) { all.mutex.lock(); });
        abandon([](Rooms& all, Context& root) { static_cast<void>(all.semaphore.acquire(root)); });
        abandon([](Rooms& all, Context& root) { static_cast<void>(all.pending.wait(root)); });
        abandon([](Rooms&, Context& root) { static_cast<void>(sleep(root, 1h)); });
        abandon([](Rooms&, Context& root) { select(root, after(1h)); });
      }
      EXPECT_TRUE(sleep(ctx, 1ms));
    });
    EXPECT_EQ(rooms.gone_on.load(), 0);
  }
}

// What a busy service does, at random: fibers by the thousand that talk, sleep, lock, give up and start others. It ends,
// everything is counted, and the same seed makes the same choices on one processor.
class Crowd {
 public:
  explicit Crowd(Context& ctx) : group_(ctx) {}

  void run(int fibers) {
    for (int i = 0; i < fibers; ++i) start(next_seed_.fetch_add(1), 2);
    drain_until_all_are_done();
    EXPECT_TRUE(group_.wait());
    EXPECT_EQ(done_.load(), started_.load());
    EXPECT_EQ(sent_.load(), received_.load());
    EXPECT_EQ(locked_, lock_count_.load());
  }

 private:
  void start(std::uint64_t seed, int generations) {
    started_.fetch_add(1);
    group_.go([this, seed, generations](Context& own) {
      live(own, seed, generations);
      done_.fetch_add(1);
    });
  }

  void live(Context& own, std::uint64_t seed, int generations) {
    std::mt19937_64 random(seed * test_seed());
    for (int step = 0; step < 6; ++step) {
      Context request{own};
      switch (random() % 7) {
        case 0: yield(); break;
        case 1: static_cast<void>(sleep(request, Duration(random() % 100'000))); break;
        case 2:
          if (channels_[random() % 3].send(request, 1)) sent_.fetch_add(1);
          break;
        case 3: {
          std::lock_guard hold(mutex_);
          ++locked_;
          lock_count_.fetch_add(1);
          break;
        }
        case 4: {
          auto chosen = select(request, send(channels_[0], 1), recv(channels_[1]), after(Duration(random() % 50'000)));
          if (chosen.index == 0) sent_.fetch_add(1);
          if (chosen.value) received_.fetch_add(1);
          break;
        }
        case 5: {
          TaskGroup canceller{own};
          canceller.go([&](Context&) { request.cancel(); });
          if (channels_[2].recv(request)) received_.fetch_add(1);
          break;
        }
        default:
          if (generations > 0 && random() % 8 == 0) start(next_seed_.fetch_add(1), generations - 1);
      }
    }
  }

  // Nobody is left sending into a full channel for ever.
  void drain_until_all_are_done() {
    while (done_.load() < started_.load()) {
      for (Chan<int>& channel : channels_)
        while (channel.try_recv()) received_.fetch_add(1);
      yield();
    }
    for (Chan<int>& channel : channels_)
      while (channel.try_recv()) received_.fetch_add(1);
  }

  std::array<Chan<int>, 3> channels_{Chan<int>{0}, Chan<int>{1}, Chan<int>{16}};
  Mutex mutex_;
  int locked_ = 0;  // guarded by mutex_
  std::atomic<int> lock_count_{0};
  std::atomic<std::uint64_t> next_seed_{1};
  std::atomic<int> started_{0}, done_{0}, sent_{0}, received_{0};
  TaskGroup group_;
};

TEST(SchedulerStress, ThousandsOfFibersComeAndGo) {
  for (std::size_t processors : {1, 2, 8})
    on_processors(processors, [](Context& ctx) { Crowd(ctx).run(kSanitized ? 1'000 : 10'000); });
}

TEST(SchedulerStress, ARuntimeStartsAndEndsWhileItsProcessorsFallAsleep) {
  for (int round = 0; round < kManyTimes / 500; ++round)
    on_processors(1 + static_cast<std::size_t>(round) % 4, [](Context& ctx) {
      TaskGroup group{ctx};
      for (int i = 0; i < 5; ++i) group.go([](Context&) { yield(); });
      EXPECT_TRUE(group.wait());
    });
}

// On one processor, where nobody is left to steal: without a relief these never end.
void on_hogged_processor(const std::function<void(Context&)>& body) { on_processors(1, body, 10ms); }

TEST(Hog, DoesNotKeepOthersFromRunning) {
  on_hogged_processor([](Context& ctx) {
    std::atomic<bool> is_released{false};
    TaskGroup group{ctx};
    group.go([&](Context&) { is_released = true; });  // displaced from `next` by the following one
    group.go([&](Context&) {
      while (!is_released) {}
    });
    EXPECT_TRUE(group.wait());
  });
}

TEST(Hog, MayBeACallThatBlocksUnmarked) {
  on_hogged_processor([](Context& ctx) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    TaskGroup group{ctx};
    group.go([&](Context&) { EXPECT_EQ(::write(pipe[1], "x", 1), 1); });
    group.go([&](Context&) {
      char byte = 0;
      EXPECT_EQ(::read(pipe[0], &byte, 1), 1);
    });
    EXPECT_TRUE(group.wait());
    ::close(pipe[0]);
    ::close(pipe[1]);
  });
}

// Timers and sockets belong to the processor that is hogged.
TEST(Hog, DoesNotKeepTimersFromFiring) {
  on_hogged_processor([](Context& ctx) {
    std::atomic<bool> is_released{false};
    TaskGroup group{ctx};
    group.go([&](Context& own) {
      EXPECT_TRUE(sleep(own, 20ms));
      is_released = true;
    });
    group.go([&](Context&) {
      while (!is_released) {}
    });
    EXPECT_TRUE(group.wait());
  });
}

TEST(Hog, MayHogTheReliefAsWell) {
  on_hogged_processor([](Context& ctx) {
    std::atomic<bool> is_released{false};
    TaskGroup group{ctx};
    group.go([&](Context&) { is_released = true; });
    for (int i = 0; i < 2; ++i)
      group.go([&](Context&) {
        while (!is_released) {}
      });
    EXPECT_TRUE(group.wait());
  });
}

// The hog is over, and its processor works on with a crowd that does not fit into its queue: nothing of it is for a relief.
TEST(Hog, LeavesNoReliefLookingForWorkWhenItIsOver) {
  on_hogged_processor([](Context& ctx) {
    auto looks = [] { return Scheduler::running().vital_signs().relief_looks; };
    constexpr std::uint64_t kTurns = kManyTimes * 4;
    std::atomic<std::uint64_t> turns{0};
    std::atomic<bool> is_over{false};
    TaskGroup crowd{ctx};
    for (int i = 0; i < 1'000; ++i)
      crowd.go([&](Context&) {
        while (turns < kTurns) {
          if (is_over) ++turns;
          yield();
        }
      });
    while (looks() == 0) {}  // a hog, until a relief is at work
    std::uint64_t looks_before = looks();
    is_over = true;
    EXPECT_TRUE(crowd.wait());
    // Who works looks around every 64 turns, and sysmon may call now and then. Who does not sleep looks as often as it can.
    EXPECT_LT(looks() - looks_before, 1'000 + kTurns / 40);
  });
}

[[gnu::noinline]] void spin_until(const std::atomic<bool>& flag) {
  while (!flag) {}
}

TEST(Hog, IsReportedWithWhereItIs) {
  std::atomic<bool> is_reported{false};
  std::optional<Hog> seen;
  std::uint64_t hogs = 0;
  RuntimeOptions options{.processors = 1, .hog_after = 2ms, .on_hog = [&](const Hog& hog) {
    seen = hog;
    is_reported = true;
  }};
  auto main = [&](Context& ctx) -> Result<void> {
    TaskGroup group{ctx};
    group.go([&](Context&) { spin_until(is_reported); });
    SLUICE_TRY(group.wait());
    hogs = Scheduler::running().vital_signs().hogs;
    return {};
  };
  ASSERT_EQ(run(main, options), 0);
  ASSERT_TRUE(seen);
  EXPECT_TRUE(std::string_view(seen->started_at.file_name()).ends_with("scheduler_test.cpp"));
  EXPECT_GE(seen->kept_for, 2ms);
  EXPECT_GE(hogs, 1U);
  // Empty: the thread had no processor for long enough to answer.
  EXPECT_TRUE(kSanitized || seen->stack.empty() || seen->stack.find("spin_until") != std::string::npos) << seen->stack;
}

// What sysmon does, done by hand. Each of these may be called for ever without having to wait.
TEST(Hog, YieldsAtItsNextCallWhenAsked) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel{4};
    Mutex mutex;
    std::vector<std::pair<const char*, std::function<void()>>> calls{
        {"yield_if_asked", [] { yield_if_asked(); }},
        {"send", [&] { channel.send(1); }},
        {"recv", [&] { channel.recv(); }},
        {"select", [&] { static_cast<void>(select(ctx, otherwise())); }},
        {"unlock", [&] { std::lock_guard hold(mutex); }},
    };
    for (const auto& [name, call] : calls) {
      for (bool is_asked : {false, true}) {
        bool has_run = false;
        TaskGroup others{ctx};
        others.go([&](Context&) { has_run = true; });
        here().processor->is_asked_to_yield = is_asked;
        call();
        EXPECT_EQ(has_run, is_asked) << name;
        EXPECT_TRUE(others.wait());
      }
    }
  });
}

}  // namespace
}  // namespace sluice::internal
