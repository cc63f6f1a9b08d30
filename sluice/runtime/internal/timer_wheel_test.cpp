// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/timer_wheel.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <initializer_list>
#include <map>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/fiber_test.hpp>

namespace sluice::internal {
namespace {

using namespace std::chrono_literals;

// Writes down that it has fired.
struct Noted final : Timer {
  explicit Noted(std::vector<Noted*>& into) : log(&into) {
    fire = [](Timer* self) noexcept {
      auto* noted = static_cast<Noted*>(self);
      noted->log->push_back(noted);
    };
  }
  ~Noted() { TimerWheel::stop(*this); }
  std::vector<Noted*>* log;
};

constexpr Instant at(Duration since_start) { return Instant(since_start); }

TEST(TimerWheel, FiresWhatIsDueInTheOrderOfTime) {
  TimerWheel wheel;
  std::vector<Noted*> fired;
  Noted third(fired), first(fired), second(fired);
  EXPECT_EQ(wheel.next_approx(), Instant::max());
  wheel.add(third, at(3s));
  wheel.add(first, at(1s));
  wheel.add(second, at(2s));
  EXPECT_EQ(wheel.next_approx(), at(1s));
  EXPECT_EQ(wheel.fire_due(at(1s - 1ns)), 0U);
  EXPECT_EQ(wheel.fire_due(at(2s)), 2U);
  EXPECT_EQ(fired, (std::vector{&first, &second}));
  EXPECT_EQ(wheel.next_approx(), at(3s));
  for (Noted* timer : {&first, &second, &third}) TimerWheel::stop(*timer);
  EXPECT_EQ(wheel.next_approx(), Instant::max());
  EXPECT_EQ(wheel.fire_due(at(9s)), 0U);
}

TEST(TimerWheel, ATimerMayBeStoppedAtAnyTimeAndStartedAgain) {
  TimerWheel wheel;
  std::vector<Noted*> fired;
  Noted timer(fired);
  TimerWheel::stop(timer);  // never started
  wheel.add(timer, at(1s));
  TimerWheel::stop(timer);
  TimerWheel::stop(timer);
  EXPECT_EQ(wheel.fire_due(at(1s)), 0U);
  wheel.add(timer, at(2s));
  EXPECT_EQ(wheel.fire_due(at(2s)), 1U);
  TimerWheel::stop(timer);  // has fired
  wheel.add(timer, at(3s));
  EXPECT_EQ(wheel.fire_due(at(3s)), 1U);
  TimerWheel::stop(timer);
}

TEST(TimerWheelDeathTest, ATimerIsStartedOnceAtATime) {
  TimerWheel wheel;
  std::vector<Noted*> fired;
  Noted timer(fired);
  wheel.add(timer, at(1s));
  EXPECT_DEATH(wheel.add(timer, at(2s)), "started once at a time");
  TimerWheel::stop(timer);
}

TEST(TimerWheel, EveryInstantHasItsPlace) {
  TimerWheel wheel;
  std::vector<Noted*> fired;
  std::deque<Noted> timers;
  std::vector<Instant> instants{Instant::min(), at(-1ns), at(0ns), at(1ns), Instant::max() - 1ns, Instant::max()};
  for (int bit = 1; bit < 63; ++bit)
    for (std::int64_t beside : {-1, 0, 1}) instants.push_back(at(Duration((std::int64_t{1} << bit) + beside)));
  std::ranges::sort(instants);
  instants.erase(std::ranges::unique(instants).begin(), instants.end());
  for (Instant instant : instants) wheel.add(timers.emplace_back(fired), instant);
  EXPECT_EQ(wheel.fire_due(at(0ns)), 3U);
  for (std::size_t i = 3; i < instants.size(); ++i) {
    ASSERT_EQ(wheel.next_approx(), instants[i]);
    if (instants[i - 1] != instants[i] - 1ns) {
      ASSERT_EQ(wheel.fire_due(instants[i] - 1ns), 0U);
    }
    ASSERT_EQ(wheel.fire_due(instants[i]), 1U);
  }
  ASSERT_EQ(fired.size(), timers.size());
  EXPECT_TRUE(std::ranges::is_sorted(fired, {}, &Timer::when));
  EXPECT_EQ(wheel.fire_due(Instant::max()), 0U);  // nothing is left: this must return
}

TEST(TimerWheel, AnIdleProcessorIsNotWokenForNothing) {
  for (Duration due : std::initializer_list<Duration>{1ns, 99ns, 3us, 1ms, 1234567ns, 1s, 10min, 1000h}) {
    TimerWheel wheel;
    std::vector<Noted*> fired;
    Noted sooner(fired), later(fired);
    wheel.add(later, at(2 * due));
    wheel.add(sooner, at(due));
    EXPECT_EQ(wheel.fire_due(wheel.next_approx()), 1U);  // each time that it wakes, something is due
    EXPECT_EQ(wheel.fire_due(wheel.next_approx()), 1U);
  }
}

TEST(TimerWheel, AStoppedTimerWakesForNothingAtMostOnceALevel) {
  TimerWheel wheel;
  std::vector<Noted*> fired;
  Noted stopped(fired), other(fired);
  wheel.add(other, at(1h));
  int vain = 0;
  while (other.wheel != nullptr) {
    Instant next = wheel.next_approx();
    wheel.add(stopped, next - 1ns);  // in the same slot, if it has room
    TimerWheel::stop(stopped);
    next = wheel.next_approx();
    if (wheel.fire_due(next) == 0) ++vain;
    if (!other.is_linked()) TimerWheel::stop(other);
    ASSERT_LE(vain, 9);
  }
  EXPECT_EQ(other.when, at(1h));
  EXPECT_EQ(fired, std::vector{&other});
}

TEST(TimerWheel, TheTimersOfFibersThatAreAbandonedAreLetGo) {
  std::vector<Noted*> fired;
  Noted timer(fired);
  TimerWheel().add(timer, at(1s));
  EXPECT_FALSE(timer.is_linked());
  timer.wheel = nullptr;
}

// What a wheel must do: fire by instants, and those of one instant in the order of adding.
class Model {
 public:
  explicit Model(std::size_t timers, Instant start = at(0ns)) : now_(start) {
    for (std::size_t i = 0; i < timers; ++i) timers_.emplace_back(fired_);
  }

  [[nodiscard]] Instant now() const { return now_; }

  void stop(std::size_t index) {
    Noted& timer = timers_[index];
    TimerWheel::stop(timer);
    if (std::erase_if(waiting_, [&](const auto& entry) { return entry.second == &timer; }) > 0) may_be_early_ = true;
    check_next();
  }
  void start(std::size_t index, Instant when) {
    stop(index);
    wheel_.add(timers_[index], when);
    waiting_.emplace(when, &timers_[index]);  // behind those of the same instant
    if (when < now_) has_late_ = may_be_early_ = true;
    check_next();
  }
  void advance(Instant now) {
    now_ = std::max(now_, now);
    fired_.clear();
    std::size_t count = wheel_.fire_due(now_);
    EXPECT_EQ(count, fired_.size());
    std::vector<Noted*> due;
    for (; !waiting_.empty() && waiting_.begin()->first <= now_; waiting_.erase(waiting_.begin()))
      due.push_back(waiting_.begin()->second);
    if (std::exchange(has_late_, false)) {  // those that were late when they were added come first, but in no promised order
      std::ranges::sort(due);
      std::ranges::sort(fired_);
    }
    EXPECT_EQ(fired_, due);
    if (!waiting_.empty()) {
      EXPECT_GT(wheel_.next_approx(), now_);
    }
    check_next();
  }
  /// To the next instant that the wheel knows, as an idle processor.
  void sleep() {
    if (Instant next = wheel_.next_approx(); next != Instant::max()) advance(next);
  }

 private:
  void check_next() {
    Instant soonest = waiting_.empty() ? Instant::max() : waiting_.begin()->first;
    if (waiting_.empty()) may_be_early_ = false;
    if (may_be_early_) {
      EXPECT_LE(wheel_.next_approx(), std::max(soonest, now_));
    } else {
      EXPECT_EQ(wheel_.next_approx(), soonest);
    }
  }

  TimerWheel wheel_;
  std::vector<Noted*> fired_;
  std::deque<Noted> timers_;
  std::multimap<Instant, Noted*> waiting_;
  Instant now_;
  bool has_late_ = false;      // among the waiting
  bool may_be_early_ = false;  // next_approx: one was stopped or late since the wheel was empty
};

TEST(TimerWheel, AgreesWithAModel) {
  constexpr std::size_t kTimers = 100;
  for (std::uint64_t round = 0; round < (kSanitized ? 20 : 200); ++round) {
    SCOPED_TRACE(::testing::Message() << "round " << round << ", --gtest_random_seed=" << test_seed());
    std::mt19937_64 random(test_seed() * 1000 + round);
    // A length of any order of magnitude, so that all levels are visited; round numbers, so that some are equal.
    auto length = [&] {
      auto bits = random() % (round % 2 == 0 ? 20 : 56);
      auto any = static_cast<std::int64_t>(random() & ((std::uint64_t{1} << bits) - 1));
      return Duration(random() % 4 == 0 ? any : any & ~std::int64_t{0xff});
    };
    Model model(kTimers, at(length()));
    for (int step = 0; step < 2'000; ++step) {
      std::size_t timer = random() % kTimers;
      switch (random() % 16) {
        case 0: model.stop(timer); break;
        case 1: model.advance(model.now() + 1ns); break;
        case 2: model.advance(model.now() + length()); break;
        case 3: model.sleep(); break;
        case 4: model.start(timer, model.now()); break;
        case 5: model.start(timer, round % 4 == 0 ? model.now() - length() : Instant::max()); break;
        case 6: {  // many of one instant
          Instant when = model.now() + length();
          for (std::size_t each = 0; each < kTimers; each += 3) model.start(each, when);
          break;
        }
        default: model.start(timer, model.now() + length());
      }
      if (HasFailure()) return;
    }
    model.advance(Instant::max() - 1ns);
    if (HasFailure()) return;
  }
}

// Every way to add three timers at instants around the borders of slots and levels, to stop one, and to look at every
// instant or only at the last.
TEST(TimerWheel, AgreesWithAModelInAllSmallCases) {
  constexpr std::array<std::int64_t, 10> kInstants{0, 1, 15, 16, 17, 255, 256, 4095, 4096, 4097};
  constexpr std::size_t kStride = kSanitized ? 7 : 1;  // a wheel is large, and there are 24,000 of them
  for (std::size_t starts = 0; starts < 100 * kInstants.size(); starts += kStride) {
    std::array digits{starts / 100, starts / 10 % 10, starts % 10};
    for (std::size_t stopped = 0; stopped <= 3; ++stopped)
      for (std::size_t added_at = 0; added_at < 3; ++added_at)
        for (bool looks_always : {false, true}) {
          Model model(3);
          auto start = [&](std::size_t timer) { model.start(timer, model.now() + Duration(kInstants[digits[timer]])); };
          start(0);
          start(1);
          model.advance(at(Duration(kInstants[added_at * 3])));
          start(2);
          if (stopped < 3) model.stop(stopped);
          for (std::int64_t instant : kInstants)
            if (looks_always) model.advance(at(Duration(instant)));
          model.advance(at(20us));
          if (HasFailure()) FAIL() << "starts " << starts << ", stopped " << stopped << ", added at " << added_at;
        }
  }
}

// A slot with more than a batch of timers comes down in pieces, and the lock is free in between. Whoever adds or stops then
// must not spoil the order.
TEST(TimerWheel, WhatIsAddedWhileASlotComesDownKeepsItsPlace) {
  struct Ordered final : Timer {
    std::vector<int>* log = nullptr;
    int number = 0;
  };
  constexpr int kTimers = 1'000;
  for (int round = 0; round < 20; ++round) {
    TimerWheel wheel;
    std::vector<int> log;
    std::deque<Ordered> timers(2 * kTimers);
    int started = 0;
    auto start = [&] {
      Ordered& timer = timers[static_cast<std::size_t>(started)];
      timer.log = &log;
      timer.number = started++;
      timer.fire = [](Timer* self) noexcept {
        auto* ordered = static_cast<Ordered*>(self);
        ordered->log->push_back(ordered->number);
      };
      wheel.add(timer, at(1s));
    };
    while (started < kTimers) start();
    std::thread firing([&] { wheel.fire_due(at(1s)); });
    while (started < 2 * kTimers) start();
    firing.join();
    wheel.fire_due(at(1s));
    EXPECT_EQ(log.size(), timers.size());
    EXPECT_TRUE(std::ranges::is_sorted(log));
    for (Ordered& timer : timers) TimerWheel::stop(timer);
  }
}

// After stop() the timer may go: whoever fires it on another thread has left it by then. ASan and TSan are the judges.
TEST(TimerWheelStress, AStoppedTimerIsNotTouched) {
  TimerWheel wheel;
  std::atomic<bool> is_over{false};
  std::atomic<int> fired{0};
  std::thread firing([&] {
    while (!is_over.load()) wheel.fire_due(at(1s));
  });
  struct Counting final : Timer {
    std::atomic<int>* count = nullptr;
    int touched = 0;  // plain on purpose
  };
  for (int i = 0; i < kManyTimes / 20; ++i) {
    auto timer = std::make_unique<Counting>();
    timer->count = &fired;
    timer->fire = [](Timer* self) noexcept {
      auto* counting = static_cast<Counting*>(self);
      ++counting->touched;
      counting->count->fetch_add(1);
    };
    wheel.add(*timer, at(Duration(i % 3)));
    if (i % 2 == 0) std::this_thread::yield();
    TimerWheel::stop(*timer);
    EXPECT_LE(timer->touched, 1);
  }
  is_over = true;
  firing.join();
  EXPECT_EQ(wheel.next_approx(), Instant::max());
}

// Fibers of several processors sleep, wake, change processors and stop timers of contexts that were started elsewhere.
TEST(TimerWheelStress, FibersSleepAndGiveUpOnAnyProcessor) {
  on_few_and_many_processors([](Context& ctx) {
    TaskGroup group(ctx);
    std::atomic<int> slept{0};
    constexpr int kFibers = 50;
    for (int fiber = 0; fiber < kFibers; ++fiber)
      group.go([fiber, &slept](Context& own) -> Result<void> {
        std::mt19937_64 random(test_seed() + static_cast<std::uint64_t>(fiber));
        auto some = [&] { return Duration(random() % 300'000); };
        for (int turn = 0; turn < 20; ++turn) {
          Context short_lived(own, some());
          auto result = sleep(short_lived, some());
          EXPECT_TRUE(result || result.error().code() == Code::kDeadlineExceeded);
          yield();
          ++slept;
        }
        return {};
      });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(slept.load(), kFibers * 20);
  });
}

}  // namespace
}  // namespace sluice::internal
