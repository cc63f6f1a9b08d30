// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/timer_heap.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <thread>
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
  std::vector<Noted*>* log;
};

constexpr Instant at(Duration since_start) { return Instant(since_start); }

TEST(TimerHeap, FiresWhatIsDueInTheOrderOfTime) {
  TimerHeap heap;
  std::vector<Noted*> fired;
  Noted third(fired), first(fired), second(fired);
  EXPECT_EQ(heap.next_approx(), Instant::max());
  heap.add(third, at(3s));
  heap.add(first, at(1s));
  heap.add(second, at(2s));
  EXPECT_EQ(heap.next_approx(), at(1s));
  EXPECT_EQ(heap.fire_due(at(1s - 1ns)), 0U);
  EXPECT_EQ(heap.fire_due(at(2s)), 2U);
  EXPECT_EQ(fired, (std::vector{&first, &second}));
  EXPECT_EQ(heap.next_approx(), at(3s));
  for (Noted* timer : {&first, &second, &third}) TimerHeap::stop(*timer);
  EXPECT_EQ(heap.next_approx(), Instant::max());
  EXPECT_EQ(heap.fire_due(at(9s)), 0U);
}

TEST(TimerHeap, ATimerMayBeStoppedAtAnyTimeAndStartedAgain) {
  TimerHeap heap;
  std::vector<Noted*> fired;
  Noted timer(fired);
  TimerHeap::stop(timer);  // never started
  heap.add(timer, at(1s));
  TimerHeap::stop(timer);
  TimerHeap::stop(timer);
  EXPECT_EQ(heap.fire_due(at(1s)), 0U);
  heap.add(timer, at(2s));
  EXPECT_EQ(heap.fire_due(at(2s)), 1U);
  TimerHeap::stop(timer);  // has fired
  heap.add(timer, at(3s));
  EXPECT_EQ(heap.fire_due(at(3s)), 1U);
  TimerHeap::stop(timer);
}

TEST(TimerHeapDeathTest, ATimerIsStartedOnceAtATime) {
  TimerHeap heap;
  std::vector<Noted*> fired;
  Noted timer(fired);
  heap.add(timer, at(1s));
  EXPECT_DEATH(heap.add(timer, at(2s)), "started once at a time");
  TimerHeap::stop(timer);
}

// Whatever is added and stopped: what fires is what a sorted list would fire, in the order of time.
TEST(TimerHeap, AgreesWithAModel) {
  std::mt19937_64 random(test_seed());
  TimerHeap heap;
  std::vector<Noted*> fired;
  std::deque<Noted> timers;
  for (int i = 0; i < 200; ++i) timers.emplace_back(fired);
  std::multimap<Instant, Noted*> model;
  Instant now{};
  auto forget = [&](Noted& timer) {
    std::erase_if(model, [&](const auto& entry) { return entry.second == &timer; });
  };
  for (int step = 0; step < 20'000; ++step) {
    Noted& timer = timers[random() % timers.size()];
    TimerHeap::stop(timer);
    forget(timer);
    if (random() % 4 != 0) {
      Instant when = now + Duration(random() % 1000);
      heap.add(timer, when);
      model.emplace(when, &timer);
    }
    ASSERT_EQ(heap.next_approx(), model.empty() ? Instant::max() : model.begin()->first);
    if (random() % 8 != 0) continue;
    now += Duration(random() % 300);
    fired.clear();
    heap.fire_due(now);
    ASSERT_TRUE(std::ranges::is_sorted(fired, {}, &Timer::when));
    std::size_t due = static_cast<std::size_t>(std::distance(model.begin(), model.upper_bound(now)));
    ASSERT_EQ(fired.size(), due);
    for (Noted* each : fired) forget(*each);
    ASSERT_EQ(model.lower_bound(Instant{}) == model.end() || model.begin()->first > now, true);
  }
  for (Noted& timer : timers) TimerHeap::stop(timer);
}

// After stop() the timer may go: whoever fires it on another thread has left it by then. ASan and TSan are the judges.
TEST(TimerHeapStress, AStoppedTimerIsNotTouched) {
  TimerHeap heap;
  std::atomic<bool> is_over{false};
  std::atomic<int> fired{0};
  std::thread firing([&] {
    while (!is_over.load()) heap.fire_due(at(1s));
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
    heap.add(*timer, at(Duration(i % 3)));
    if (i % 2 == 0) std::this_thread::yield();
    TimerHeap::stop(*timer);
    EXPECT_LE(timer->touched, 1);
  }
  is_over = true;
  firing.join();
  EXPECT_EQ(heap.next_approx(), Instant::max());
}

}  // namespace
}  // namespace sluice::internal
