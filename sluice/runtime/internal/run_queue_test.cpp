// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/run_queue.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/fiber_test.hpp>
#include <sluice/runtime/internal/fiber.hpp>
#include <sluice/runtime/internal/interleavings_test.hpp>

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
    switch (random() % 4) {
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
      case 2: {
        Fiber* popped = queue.pop_newest();
        ASSERT_EQ(popped, model.empty() ? nullptr : fiber(model.back()));
        if (popped != nullptr) model.pop_back();
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

// A thief asks whether what it has seen still waits; batches that come and go in between are not that.
TEST(RunQueue, KnowsWhetherItsOldestStillWaits) {
  BasicRunQueue<16> queue;
  auto push = [&](std::uintptr_t count) {
    for (std::uintptr_t i = 1; i <= count; ++i) EXPECT_TRUE(queue.push(fiber(i)));
  };
  push(8);
  auto mark = queue.mark();
  for (int i = 0; i < 3; ++i) queue.pop();
  EXPECT_EQ(queue.still_waiting_approx(mark), 5U);
  mark = queue.mark();
  queue.pop_newest();
  push(3);
  EXPECT_EQ(queue.still_waiting_approx(mark), 7U) << "the oldest are the same";
  while (queue.pop_newest() != nullptr) {}
  push(8);
  EXPECT_EQ(queue.still_waiting_approx(mark), 0U) << "all of them are others";
}

// ---- every interleaving ----

// What the owner and the thieves got, and what is left, must be what was pushed.
template <std::uint32_t Capacity>
struct Scene {
  using Queue = BasicRunQueue<Capacity, SteppedAtomic>;

  Queue victim;
  std::array<Queue, 2> thieves;
  std::vector<std::uintptr_t> pushed, taken;

  void push(std::uintptr_t value) {
    if (victim.push(fiber(value))) pushed.push_back(value);
  }
  void pop() { take(victim.pop()); }
  void pop_newest() { take(victim.pop_newest()); }
  void steal(std::size_t thief) {
    take(victim.steal_into(thieves[thief]));
    while (Fiber* got = thieves[thief].pop()) take(got);
  }
  void take(Fiber* got) {
    if (got != nullptr) taken.push_back(number(got));
  }
  void check() {
    while (Fiber* left = victim.pop()) take(left);
    std::ranges::sort(taken);
    Interleavings::require(taken == pushed, "one was lost or taken twice");
  }
};

template <class Scene>
void expect_right(std::uintptr_t queued, const std::vector<void (*)(Scene&)>& script) {
  in_virtual_time([&](Context& ctx) {
    auto result = Interleavings::explore(ctx, [&] {
      auto scene = std::make_shared<Scene>();
      for (std::uintptr_t i = 1; i <= queued; ++i) scene->push(i);
      Interleavings::Play play;
      for (auto thread : script) play.threads.push_back([scene, thread] { thread(*scene); });
      play.check = [scene] { scene->check(); };
      return play;
    });
    EXPECT_EQ(result.violation, "");
    EXPECT_GT(result.states, kSanitized ? 20U : 1'000U);
    EXPECT_TRUE(kSanitized || result.states < Interleavings::kMaxStates);
    ::testing::Test::RecordProperty("states", static_cast<int>(result.states));
  });
}

TEST(RunQueueInterleavings, OwnerAndThiefShareWithoutLossOrDouble) {
  using OfTwo = Scene<2>;
  expect_right<OfTwo>(1, {[](OfTwo& scene) {
                            scene.push(2);
                            scene.pop();
                            scene.push(3);
                            scene.pop();
                          },
                          [](OfTwo& scene) {
                            scene.steal(0);
                            scene.steal(0);
                          }});
}

TEST(RunQueueInterleavings, AThiefTakesTwoFromAnOwnerAtWork) {
  using OfFour = Scene<4>;
  expect_right<OfFour>(3, {[](OfFour& scene) {
                             scene.push(4);
                             scene.pop();
                             scene.push(5);
                             scene.push(6);
                           },
                           [](OfFour& scene) {
                             scene.steal(0);
                             scene.steal(0);
                           }});
}

// The slot that is taken back is filled again: a thief that copied it before must fail.
TEST(RunQueueInterleavings, TheOwnerTakesBackWhatAThiefIsLookingAt) {
  using OfFour = Scene<4>;
  for (std::uintptr_t queued : {1, 2, 3})
    expect_right<OfFour>(queued, {[](OfFour& scene) {
                                    scene.pop_newest();
                                    scene.push(4);
                                    scene.pop_newest();
                                  },
                                  [](OfFour& scene) {
                                    scene.steal(0);
                                    scene.steal(0);
                                  }});
}

TEST(RunQueueInterleavings, TheOwnerTakesFromBothEnds) {
  using OfTwo = Scene<2>;
  expect_right<OfTwo>(2, {[](OfTwo& scene) {
                            scene.pop_newest();
                            scene.push(3);
                            scene.pop();
                            scene.pop_newest();
                          },
                          [](OfTwo& scene) {
                            scene.steal(0);
                            scene.steal(0);
                          }});
}

TEST(RunQueueInterleavings, TwoThievesAndTheOwnerShareWithoutLossOrDouble) {
  using OfTwo = Scene<2>;
  expect_right<OfTwo>(2, {[](OfTwo& scene) {
                            scene.pop();
                            scene.push(3);
                          },
                          [](OfTwo& scene) { scene.steal(0); }, [](OfTwo& scene) { scene.steal(1); }});
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
    if (i % 4 == 0) take(victim.pop_newest());
  }
  while (Fiber* got = victim.pop()) take(got);
  is_over = true;
  for (std::thread& thief : thieves) thief.join();
  for (const std::atomic<int>& count : taken) ASSERT_EQ(count.load(), 1);
}

}  // namespace
}  // namespace sluice::internal
