// SPDX-License-Identifier: MIT
#include <sluice/runtime/cond.hpp>

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include <sluice/runtime/internal/machine.hpp>
#include <sluice/runtime/many_seeds_test.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(Cond, WaitsUntilItsPredicateHolds) {
  in_virtual_time([](Context& ctx) {
    Mutex mutex;
    Cond changed;
    int value = 0;
    TaskGroup group{ctx};
    group.go([&](Context& own) -> Result<void> {
      std::unique_lock hold(mutex);
      SLUICE_TRY(changed.wait(own, hold, [&] { return value == 2; }));
      EXPECT_TRUE(hold.owns_lock());
      EXPECT_FALSE(mutex.try_lock());
      value = 3;
      return {};
    });
    for (int i = 1; i <= 2; ++i) {
      let_all_park(ctx);
      std::lock_guard hold(mutex);
      EXPECT_EQ(value, i - 1);
      value = i;
      changed.signal();
    }
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(value, 3);
  });
}

void wait_in_order(Context& ctx, const std::function<void(Cond&)>& wake, const std::string& woken) {
  Mutex mutex;
  Cond cond;
  std::string order;
  TaskGroup group{ctx};
  for (char who : {'a', 'b', 'c'}) {
    group.go([&, who](Context& own) {
      std::unique_lock hold(mutex);
      if (cond.wait(own, hold)) order += who;
    });
    let_all_park(ctx);
  }
  wake(cond);
  let_all_park(ctx);
  EXPECT_EQ(order, woken);
}

TEST(Cond, SignalWakesTheOneThatHasWaitedLongest) {
  in_virtual_time([](Context& ctx) {
    wait_in_order(ctx, [](Cond&) {}, "");
    wait_in_order(ctx, [](Cond& cond) { cond.signal(); }, "a");
    auto twice = [&](Cond& cond) {
      cond.signal();
      let_all_park(ctx);
      cond.signal();
    };
    wait_in_order(ctx, twice, "ab");
  });
}

TEST(Cond, BroadcastWakesAll) {
  in_virtual_time([](Context& ctx) { wait_in_order(ctx, [](Cond& cond) { cond.broadcast(); }, "abc"); });
}

TEST(Cond, SignalsAreNotSaved) {
  in_virtual_time([](Context& ctx) {
    Mutex mutex;
    Cond cond;
    cond.signal();
    cond.broadcast();
    Context request{ctx, 1s};
    std::unique_lock hold(mutex);
    EXPECT_EQ(cond.wait(request, hold).error().code(), Code::kDeadlineExceeded);
  });
}

TEST(Cond, LocksAgainWhenItsContextEnds) {
  in_virtual_time([](Context& ctx) {
    Mutex mutex;
    Cond cond;
    Context request{ctx, 1s};
    std::unique_lock hold(mutex);
    EXPECT_FALSE(cond.wait(request, hold));
    EXPECT_TRUE(hold.owns_lock());
    EXPECT_FALSE(mutex.try_lock());
    EXPECT_FALSE(cond.wait(request, hold));  // it has ended before
    EXPECT_TRUE(hold.owns_lock());
    EXPECT_TRUE(cond.wait(request, hold, [] { return true; }));
  });
}

TEST(Cond, ASignalForWhoGaveUpGoesToTheNext) {
  in_virtual_time([](Context& ctx) {
    Mutex mutex;
    Cond cond;
    Context impatient{ctx};
    bool was_woken = false;
    TaskGroup group{ctx};
    group.go([&](Context&) {
      std::unique_lock hold(mutex);
      EXPECT_FALSE(cond.wait(impatient, hold));
    });
    let_all_park(ctx);
    group.go([&](Context& own) {
      std::unique_lock hold(mutex);
      EXPECT_TRUE(cond.wait(own, hold));
      was_woken = true;
    });
    let_all_park(ctx);
    impatient.cancel();
    cond.signal();  // the first has not run yet, and still stands in the queue
    let_all_park(ctx);
    EXPECT_TRUE(was_woken);
  });
}

TEST(Cond, WhoWasSignalledAndThenCancelledHasTheSignal) {
  in_virtual_time([](Context& ctx) {
    Mutex mutex;
    Cond cond;
    Context request{ctx};
    TaskGroup group{ctx};
    group.go([&](Context&) {
      std::unique_lock hold(mutex);
      EXPECT_TRUE(cond.wait(request, hold));
    });
    let_all_park(ctx);
    cond.signal();
    request.cancel();
    EXPECT_TRUE(group.wait());
  });
}

TEST(CondDeathTest, IsMisusedLoudly) {
  auto wait_unlocked = [] {
    in_virtual_time([](Context& ctx) {
      Mutex mutex;
      Cond cond;
      std::unique_lock hold(mutex, std::defer_lock);
      static_cast<void>(cond.wait(ctx, hold));
    });
  };
  EXPECT_DEATH(wait_unlocked(), "holds its mutex");
  auto wait_with_two = [] {
    in_virtual_time([](Context& ctx) {
      Mutex mutexes[2];
      Cond cond;
      TaskGroup group{ctx};
      for (Mutex& mutex : mutexes)
        group.go([&](Context& own) {
          std::unique_lock hold(mutex);
          static_cast<void>(cond.wait(own, hold));
        });
      let_all_park(ctx);
    });
  };
  EXPECT_DEATH(wait_with_two(), "hold the same mutex");
  auto die_early = [] {
    in_virtual_time([](Context& ctx) {
      Mutex mutex;
      auto cond = std::make_unique<Cond>();
      TaskGroup group{ctx};
      group.go([&, at = cond.get()](Context& own) {
        std::unique_lock hold(mutex);
        static_cast<void>(at->wait(own, hold));
      });
      let_all_park(ctx);
      cond.reset();
    });
  };
  EXPECT_DEATH(die_early(), "a cond outlives those who wait");
}

// A model of the queue: who is woken by each signal, and who by the end of its context.
TEST(CondProperty, EachWaitEndsByTheSignalThatWasItsOwn) {
  over_many_seeds([](Context& ctx, Chance& chance) {
    struct Wait {
      explicit Wait(Context& parent) : ctx(parent) {}
      Context ctx;
      enum { kWaits, kSignalled, kCancelled } state = kWaits;
    };
    Mutex mutex;
    Cond cond;
    std::list<Wait*> waiting;
    int waiters = 8;
    auto wait_at_times = [&](Context& own) {
      for (int step = 0; step < 10; ++step) {
        Wait wait(own);
        std::unique_lock hold(mutex);
        waiting.push_back(&wait);
        bool is_woken = cond.wait(wait.ctx, hold).has_value();
        EXPECT_EQ(is_woken, wait.state == Wait::kSignalled);
        EXPECT_NE(wait.state, Wait::kWaits);
        hold.unlock();
        chance.wander();
      }
      --waiters;
    };
    auto signal_first = [&] {
      if (!waiting.empty()) {
        waiting.front()->state = Wait::kSignalled;
        waiting.pop_front();
      }
      cond.signal();
    };
    auto cancel_any = [&] {
      if (waiting.empty()) return;
      auto at = std::next(waiting.begin(), static_cast<std::ptrdiff_t>(chance.below(waiting.size())));
      (*at)->state = Wait::kCancelled;
      (*at)->ctx.cancel();
      waiting.erase(at);
    };
    TaskGroup group{ctx};
    for (int i = waiters; i > 0; --i) group.go(wait_at_times);
    while (waiters > 0) {
      std::unique_lock hold(mutex, std::defer_lock);
      if (chance.one_in(2)) hold.lock();
      switch (chance.below(5)) {
        case 0: cancel_any(); break;
        case 1: cancel_any(); [[fallthrough]];  // at the same moment
        case 2: signal_first(); break;
        case 3:
          signal_first();
          signal_first();
          break;
        default:
          for (Wait* wait : waiting) wait->state = Wait::kSignalled;
          waiting.clear();
          cond.broadcast();
      }
      if (hold.owns_lock()) hold.unlock();
      static_cast<void>(sleep(ctx, Duration(1)));
    }
    EXPECT_TRUE(group.wait());
  });
}

// Unlocking a mutex yields when sysmon asks for it. Not here: the cond's own lock is held, and who runs next may want it.
TEST(Cond, KeepsItsProcessorUntilItWaits) {
  in_virtual_time([](Context& ctx) {
    Mutex mutex;
    Cond cond;
    bool is_waiting = false;
    bool has_signalled = false;
    TaskGroup group{ctx};
    group.go([&](Context&) {
      while (!is_waiting) yield();
      cond.signal();
      has_signalled = true;
    });
    yield();
    std::unique_lock hold(mutex);
    is_waiting = true;
    internal::here().processor->is_asked_to_yield = true;
    Context patience{ctx, 1s};
    EXPECT_TRUE(cond.wait(patience, hold));
    EXPECT_TRUE(has_signalled);
  });
}

// A queue with a bound, made with two conds; some who wait give up. A lost signal would leave somebody waiting for ever.
TEST(CondStress, LosesNoSignal) {
  on_few_and_many_processors([](Context& ctx) {
    constexpr int kEach = kManyTimes / 50;
    constexpr std::size_t kBound = 2;
    Mutex mutex;
    Cond not_empty, not_full;
    std::deque<int> queue;
    int taken = 0;
    TaskGroup group{ctx};
    for (int i = 0; i < 4; ++i)
      group.go([&](Context& own) -> Result<void> {
        for (int sent = 0; sent < kEach; ++sent) {
          std::unique_lock hold(mutex);
          SLUICE_TRY(not_full.wait(own, hold, [&] { return queue.size() < kBound; }));
          queue.push_back(sent);
          not_empty.signal();
        }
        return {};
      });
    for (int i = 0; i < 4; ++i)
      group.go([&](Context& own) -> Result<void> {
        for (int received = 0; received < kEach;) {
          Context request{own};
          TaskGroup canceller{own};
          if (received % 8 == 0) canceller.go([&](Context&) { request.cancel(); });
          std::unique_lock hold(mutex);
          if (!not_empty.wait(request, hold, [&] { return !queue.empty(); })) continue;
          queue.pop_front();
          ++received;
          ++taken;
          not_full.signal();
        }
        return {};
      });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(taken, 4 * kEach);
  });
}

// The signal comes at the first moment at which it may: when the waiter has unlocked, and is not yet asleep. From a thread
// that never parks, for two fibers who wake each other would stay on one processor, where that moment cannot be met.
TEST(CondStress, MissesNoSignalBetweenUnlockingAndSleeping) {
  on_processors(1, [](Context& ctx) {
    const int rounds = kManyTimes / 200;
    Mutex mutex;
    Cond cond;
    bool is_waiting = false;
    std::thread signaller([&] {
      for (int signalled = 0; signalled < rounds;) {
        std::unique_lock hold(mutex, std::try_to_lock);
        if (!hold || !std::exchange(is_waiting, false)) continue;
        hold.unlock();
        cond.signal();
        ++signalled;
      }
    });
    std::atomic<bool> is_over{false};  // sysmon may let the other fiber run on a thread of its own
    TaskGroup group{ctx};
    group.go([&](Context&) {
      while (!is_over) {
        std::lock_guard hold(mutex);
        yield();
      }
    });
    for (int round = 0; round < rounds; ++round) {
      Context patience{ctx, 10s};
      std::unique_lock hold(mutex);
      yield();  // the other fiber comes for the mutex: to unlock it takes longer then, and so does the moment
      is_waiting = true;
      EXPECT_TRUE(cond.wait(patience, hold)) << "in round " << round;
    }
    is_over = true;
    signaller.join();
  });
}

}  // namespace
}  // namespace sluice
