// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/run_queue.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/fiber_test.hpp>
#include <sluice/runtime/internal/fiber.hpp>

namespace sluice::internal {
namespace {

// The queue never looks into what it holds: a number will do.
Fiber* fiber(std::uintptr_t number) { return reinterpret_cast<Fiber*>(number * 64); }
std::uintptr_t number(Fiber* of) { return reinterpret_cast<std::uintptr_t>(of) / 64; }

using SmallQueue = BasicRunQueue<4>;

TEST(RunQueue, HoldsItsCapacityAndNotOneMore) {
  SmallQueue queue;
  for (std::uintptr_t i = 1; i <= 4; ++i) EXPECT_TRUE(queue.push(fiber(i)));
  EXPECT_FALSE(queue.push(fiber(5)));
  EXPECT_EQ(queue.size_approx(), 4U);
  for (std::uintptr_t i = 1; i <= 4; ++i) EXPECT_EQ(queue.pop(), fiber(i));
  EXPECT_EQ(queue.pop(), nullptr);
  EXPECT_TRUE(queue.push(fiber(6)));
}

TEST(RunQueue, AThiefTakesHalfRoundedUpFromTheFront) {
  for (std::uintptr_t size = 0; size <= 4; ++size) {
    SmallQueue victim, thief;
    for (std::uintptr_t i = 1; i <= size; ++i) victim.push(fiber(i));
    Fiber* last = victim.steal_into(thief);
    std::uintptr_t stolen = (size + 1) / 2;
    EXPECT_EQ(last, size == 0 ? nullptr : fiber(stolen));  // the last one is handed over instead of queued
    for (std::uintptr_t i = 1; i < stolen; ++i) EXPECT_EQ(thief.pop(), fiber(i));
    EXPECT_EQ(thief.pop(), nullptr);
    for (std::uintptr_t i = stolen + 1; i <= size; ++i) EXPECT_EQ(victim.pop(), fiber(i));
    EXPECT_EQ(victim.pop(), nullptr);
  }
}

TEST(RunQueue, AgreesWithAModel) {
  std::mt19937_64 random(test_seed());
  SmallQueue queue, other;
  std::deque<std::uintptr_t> model;
  std::uintptr_t next = 1;
  for (int step = 0; step < 200'000; ++step) {
    switch (random() % 3) {
      case 0: {
        bool has_room = model.size() < 4;
        ASSERT_EQ(queue.push(fiber(next)), has_room);
        if (has_room) model.push_back(next);
        ++next;
        break;
      }
      case 1: {
        Fiber* popped = queue.pop();
        ASSERT_EQ(popped, model.empty() ? nullptr : fiber(model.front()));
        if (popped != nullptr) model.pop_front();
        break;
      }
      default: {
        std::size_t wanted = (model.size() + 1) / 2;
        Fiber* last = queue.steal_into(other);
        ASSERT_EQ(last, wanted == 0 ? nullptr : fiber(model[wanted - 1]));
        for (; wanted > 1; --wanted, model.pop_front()) ASSERT_EQ(other.pop(), fiber(model.front()));
        if (wanted == 1) model.pop_front();
      }
    }
    ASSERT_EQ(queue.size_approx(), model.size());
  }
}

// ---- every interleaving ----
//
// Each thread of a scenario is a fiber; each operation on an atomic first hands the word to the director, who decides
// who may take the next step. Depth first through all decisions, as long as a schedule interrupts threads that could go on
// at most kMaxPreemptions times: nearly all bugs of this kind show with two. (Source: CHESS, Musuvathi and Qadeer, PLDI 2007.)
class Director {
 public:
  using Threads = std::vector<std::function<void()>>;

  // The sanitizers have nothing to find here, where one thread does all; they only see that nothing is read after its end.
  static constexpr int kMaxPreemptions = kSanitized ? 1 : 3;

  /// Runs the scenario that `make` builds, and then its check, for each schedule; how many those were.
  static int explore(Context& ctx, const std::function<std::pair<Threads, std::function<void()>>()>& make) {
    std::vector<Decision> path;
    int schedules = 0;
    do {
      auto [threads, check] = make();
      Director director(std::move(path));
      path = director.play(ctx, threads);
      check();
      ++schedules;
    } while (advance(path) && !::testing::Test::HasFailure());
    return schedules;
  }

  /// Called before each step of a thread.
  static void step() {
    if (director_ == nullptr || !director_->is_playing_) return;
    std::size_t self = director_->running_;
    director_->stepped_.send(true);
    director_->turns_[self]->recv();
  }

 private:
  struct Decision {
    std::vector<std::size_t> choices;  // first the one that goes on, if it can
    std::size_t taken = 0;
  };

  explicit Director(std::vector<Decision> path) : path_(std::move(path)) {}

  std::vector<Decision> play(Context& ctx, const Threads& threads) {
    director_ = this;
    is_playing_ = true;
    std::vector<bool> is_alive(threads.size(), true);
    TaskGroup group{ctx};
    for (std::size_t i = 0; i < threads.size(); ++i) {
      turns_.push_back(std::make_unique<Chan<bool>>());
      group.go([this, i, &threads](Context&) {
        turns_[i]->recv();
        threads[i]();
        stepped_.send(false);
      });
    }
    int preemptions = 0;
    std::size_t last = threads.size();
    for (std::size_t depth = 0; std::ranges::find(is_alive, true) != is_alive.end(); ++depth) {
      if (depth == path_.size()) path_.push_back({choices(is_alive, last, preemptions), 0});
      running_ = path_[depth].choices[path_[depth].taken];
      if (last < threads.size() && is_alive[last] && running_ != last) ++preemptions;
      last = running_;
      turns_[running_]->send(true);
      is_alive[running_] = *stepped_.recv();
    }
    is_playing_ = false;
    EXPECT_TRUE(group.wait());
    director_ = nullptr;
    return std::move(path_);
  }

  static std::vector<std::size_t> choices(const std::vector<bool>& is_alive, std::size_t last, int preemptions) {
    bool can_go_on = last < is_alive.size() && is_alive[last];
    std::vector<std::size_t> all;
    if (can_go_on) all.push_back(last);
    if (can_go_on && preemptions == kMaxPreemptions) return all;
    for (std::size_t i = 0; i < is_alive.size(); ++i)
      if (is_alive[i] && i != last) all.push_back(i);
    return all;
  }

  // To the next path, depth first; false: that was the last one.
  static bool advance(std::vector<Decision>& path) {
    while (!path.empty() && ++path.back().taken == path.back().choices.size()) path.pop_back();
    return !path.empty();
  }

  static inline Director* director_ = nullptr;

  std::vector<Decision> path_;
  bool is_playing_ = false;
  std::size_t running_ = 0;
  std::vector<std::unique_ptr<Chan<bool>>> turns_;
  Chan<bool> stepped_;  // true: will take another step
};

// An atomic that asks before each operation.
template <class T>
class SteppedAtomic {
 public:
  SteppedAtomic() = default;
  SteppedAtomic(T value) : value_(value) {}  // NOLINT: as std::atomic
  T load(std::memory_order) const {          // the order: only sequential consistency is explored; TSan does the rest
    Director::step();
    return value_;
  }
  void store(T value, std::memory_order) {  // as above
    Director::step();
    value_ = value;
  }
  bool compare_exchange_strong(T& expected, T wanted, std::memory_order, std::memory_order) {  // as above
    Director::step();
    if (value_ == expected) {
      value_ = wanted;
      return true;
    }
    expected = value_;
    return false;
  }
  bool compare_exchange_weak(T& expected, T wanted, std::memory_order good, std::memory_order bad) {  // as above
    return compare_exchange_strong(expected, wanted, good, bad);
  }

 private:
  T value_{};
};

using SteppedQueue = BasicRunQueue<2, SteppedAtomic>;

// What the owner and the thieves got, and what is left, must be what was pushed.
struct Scene {
  SteppedQueue victim;
  std::array<SteppedQueue, 2> thieves;
  std::vector<std::uintptr_t> pushed, taken;

  void push(std::uintptr_t value) {
    if (victim.push(fiber(value))) pushed.push_back(value);
  }
  void pop() { take(victim.pop()); }
  void steal(std::size_t thief) {
    take(victim.steal_into(thieves[thief]));
    take(thieves[thief].pop());
  }
  void take(Fiber* got) {
    if (got != nullptr) taken.push_back(number(got));
  }
  void check() {
    while (Fiber* left = victim.pop()) take(left);
    std::ranges::sort(taken);
    EXPECT_EQ(taken, pushed);
  }
};

TEST(RunQueueInterleavings, OwnerAndThiefShareWithoutLossOrDouble) {
  in_virtual_time([](Context& ctx) {
    int schedules = Director::explore(ctx, [] {
      auto scene = std::make_shared<Scene>();
      scene->push(1);
      Director::Threads threads{[=] {
                                  scene->push(2);
                                  scene->pop();
                                  scene->push(3);
                                  scene->pop();
                                },
                                [=] {
                                  scene->steal(0);
                                  scene->steal(0);
                                }};
      return std::pair(threads, std::function<void()>([=] { scene->check(); }));
    });
    EXPECT_GT(schedules, kSanitized ? 20 : 1'000);
  });
}

TEST(RunQueueInterleavings, TwoThievesAndTheOwnerShareWithoutLossOrDouble) {
  in_virtual_time([](Context& ctx) {
    int schedules = Director::explore(ctx, [] {
      auto scene = std::make_shared<Scene>();
      scene->push(1);
      scene->push(2);
      Director::Threads threads{[=] {
                                  scene->pop();
                                  scene->push(3);
                                },
                                [=] { scene->steal(0); }, [=] { scene->steal(1); }};
      return std::pair(threads, std::function<void()>([=] { scene->check(); }));
    });
    EXPECT_GT(schedules, kSanitized ? 20 : 1'000);
  });
}

TEST(RunQueueStress, EachIsTakenOnceByThreads) {
  constexpr int kItems = kManyTimes / 10;
  constexpr std::size_t kThieves = 3;
  SmallQueue victim;
  std::vector<std::atomic<int>> taken(kItems);
  std::vector<int> plain(kItems);  // plain on purpose: TSan sees it if the queue does not publish what it hands over
  std::atomic<bool> is_over{false};
  auto take = [&](Fiber* got) {
    if (got == nullptr) return;
    std::size_t index = number(got) - 1;
    EXPECT_EQ(plain[index], 1);
    taken[index].fetch_add(1);
  };
  std::vector<std::thread> thieves;
  for (std::size_t i = 0; i < kThieves; ++i)
    thieves.emplace_back([&] {
      SmallQueue mine;
      while (!is_over.load()) {
        take(victim.steal_into(mine));
        while (Fiber* got = mine.pop()) take(got);
      }
    });
  for (std::uintptr_t i = 1; i <= kItems;) {
    plain[i - 1] = 1;
    if (victim.push(fiber(i))) ++i;
    if (i % 3 == 0) take(victim.pop());
  }
  while (Fiber* got = victim.pop()) take(got);
  is_over = true;
  for (std::thread& thief : thieves) thief.join();
  for (const std::atomic<int>& count : taken) ASSERT_EQ(count.load(), 1);
}

}  // namespace
}  // namespace sluice::internal
