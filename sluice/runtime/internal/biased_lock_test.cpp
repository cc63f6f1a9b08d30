// SPDX-License-Identifier: MIT
//
// The lock's own code in every interleaving on a machine that delays stores: nobody is inside with somebody else, nobody
// waits for ever, and what one did inside the next one sees. Then the same with its parts taken away one by one: what the
// explorer does not find then, it would not have found before.
#include <sluice/runtime/internal/biased_lock.hpp>

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/internal/interleavings_test.hpp>

namespace sluice::internal {
namespace {

constexpr int kProcessors[3] = {};  // for their addresses
constexpr const void* kP = &kProcessors[0];
constexpr const void* kQ = &kProcessors[1];
constexpr const void* kR = &kProcessors[2];
constexpr const void* kNobody = nullptr;

template <class Fence = SteppedFence, template <class> class Atomic = SteppedAtomic>
class Scene {
 public:
  explicit Scene(const void* owner) : lock_(owner) {}

  // As BiasedLock::lock, a section, and unlock.
  void visit(const void* self) {
    lock(self);
    work();
    lock_.unlock();
  }
  // As BiasedLock::lock_and_keep.
  void visit_and_keep(const void* self) {
    if (!lock_.try_lock_as_owner(self)) {
      lock_as_stranger();
      lock_.give_to(self);
    }
    work();
    lock_.unlock();
  }
  // The processor goes to another thread.
  void hand_on() { handed_on_.store(1, std::memory_order_release); }  // release: pairs with take_over
  void take_over() {
    while (handed_on_.load(std::memory_order_acquire) == 0) Interleavings::wait();  // acquire: pairs with hand_on
  }
  void check() const { Interleavings::require(work_.load() == visits_, "an update was lost"); }

 private:
  void lock(const void* self) {
    if (!lock_.try_lock_as_owner(self)) lock_as_stranger();
  }
  void lock_as_stranger() {
    while (!lock_.looks_free() || !lock_.try_lock_as_stranger([] { Interleavings::wait(); })) Interleavings::wait();
  }
  void work() {
    Interleavings::forget();  // how it came in
    Interleavings::require(++inside_ == 1, "two hold the lock");
    int before = work_.load(std::memory_order_relaxed);  // relaxed: what the lock guards is plain data
    work_.store(before + 1, std::memory_order_relaxed);  // as above
    --inside_;
    Interleavings::forget();
    ++visits_;
  }

  BasicBiasedLock<Fence, Atomic> lock_;
  SteppedAtomic<int> work_;
  SteppedAtomic<int> handed_on_;
  int inside_ = 0;
  int visits_ = 0;
};

template <class Scene>
using Script = std::vector<void (*)(Scene&)>;

template <class Scene = Scene<>>
Interleavings::Result explore(const void* owner, std::type_identity_t<Script<Scene>> script) {
  Interleavings::Result result;
  in_virtual_time([&](Context& ctx) {
    result = Interleavings::explore(ctx, [&] {
      auto scene = std::make_shared<Scene>(owner);
      Interleavings::Play play;
      for (auto thread : script) play.threads.push_back([scene, thread] { thread(*scene); });
      play.check = [scene] { scene->check(); };
      return play;
    });
  });
  ::testing::Test::RecordProperty("states", static_cast<int>(result.states));
  return result;
}

void expect_right(const Interleavings::Result& result) {
  EXPECT_EQ(result.violation, "");
  EXPECT_GT(result.states, kSanitized ? 20U : 1'000U);
  EXPECT_LT(result.states, kSanitized ? result.states + 1 : Interleavings::kMaxStates);
}
void expect_wrong(const Interleavings::Result& result) {
  EXPECT_TRUE(kSanitized || !result.violation.empty());
}

template <class Scene>
void owner_twice(Scene& scene) {
  scene.visit(kP);
  scene.visit(kP);
}
template <class Scene>
void owner_keeps_it(Scene& scene) {
  scene.visit_and_keep(kP);
  scene.visit(kP);
}
template <class Scene>
void stranger(Scene& scene) {
  scene.visit(kQ);
}

TEST(BiasedLock, OwnerAndStrangerExcludeEachOther) { expect_right(explore(kP, {owner_twice, stranger})); }

TEST(BiasedLock, OwnerAndTwoStrangersExcludeEachOther) {
  expect_right(explore(kP, {owner_twice, stranger, [](Scene<>& scene) { scene.visit(kR); }}));
}

TEST(BiasedLock, WithoutAProcessorOneIsAStranger) {
  expect_right(explore(kP, {owner_twice, [](Scene<>& scene) { scene.visit(kNobody); }}));
}

TEST(BiasedLock, OwnerMayTakeItBack) {
  expect_right(explore(kP, {owner_keeps_it, [](Scene<>& scene) {
                              scene.visit(kQ);
                              scene.visit(kQ);
                            }}));
}

TEST(BiasedLock, OwnerMayTakeItBackFromTwo) {
  expect_right(explore(kP, {owner_keeps_it, stranger, [](Scene<>& scene) { scene.visit(kR); }}));
}

TEST(BiasedLock, ThatBelongsToNobodyCanBeTaken) {
  expect_right(explore(kNobody, {owner_keeps_it, [](Scene<>& scene) {
                                   scene.visit(kQ);
                                   scene.visit(kQ);
                                 }}));
}

TEST(BiasedLock, OwnerIsAProcessorWhateverThreadHasIt) {
  expect_right(explore(kP, {[](Scene<>& scene) {
                              scene.visit(kP);
                              scene.hand_on();
                            },
                            [](Scene<>& scene) {
                              scene.take_over();
                              scene.visit_and_keep(kP);
                              scene.visit(kP);
                            },
                            stranger}));
}

// ---- what the lock guards most often: Processor::next ----

/// As Scheduler::make_ready, take_next, and steal_from's last lines. Fibers are numbers, 0 is none.
class NextSlot {
 public:
  void make_ready(int fiber) {
    lock_and_keep();
    int displaced = next_.load(std::memory_order_relaxed);  // relaxed, here and below: the lock orders it
    next_.store(fiber, std::memory_order_relaxed);
    lock_.unlock();
    take(displaced);  // it goes into the queue
    Interleavings::forget();
  }
  void take_next() {
    if (next_.load(std::memory_order_relaxed) != 0) {  // relaxed: a first look
      lock_and_keep();
      empty();
    }
    Interleavings::forget();
  }
  void steal() {
    lock_as_stranger();
    empty();
    Interleavings::forget();
  }
  void check() {
    empty();
    Interleavings::require(taken_.load() == 0x1110, "one was lost or taken twice");
  }

 private:
  void lock_and_keep() {
    if (lock_.try_lock_as_owner(kP)) return;
    lock_as_stranger();
    lock_.give_to(kP);
  }
  void lock_as_stranger() {
    while (!lock_.looks_free() || !lock_.try_lock_as_stranger([] { Interleavings::wait(); })) Interleavings::wait();
  }
  void empty() {
    int fiber = next_.load(std::memory_order_relaxed);  // relaxed, here and below: the lock orders it
    next_.store(0, std::memory_order_relaxed);
    lock_.unlock();
    take(fiber);
  }
  void take(int fiber) {
    if (fiber != 0) Interleavings::mark(taken_, [&](Interleavings::Word taken) { return taken + (1U << 4 * fiber); });
  }

  BasicBiasedLock<SteppedFence, SteppedAtomic> lock_{kNobody};
  SteppedAtomic<int> next_;
  SteppedAtomic<Interleavings::Word> taken_;  // a digit for each fiber
};

TEST(NextSlot, GivesEachFiberToItsOwnerOrToOneThief) {
  in_virtual_time([](Context& ctx) {
    auto result = Interleavings::explore(ctx, [] {
      auto slot = std::make_shared<NextSlot>();
      Interleavings::Play play;
      play.threads.push_back([slot] {
        slot->make_ready(1);
        slot->take_next();
        slot->make_ready(2);
        slot->make_ready(3);
        slot->take_next();
      });
      play.threads.push_back([slot] {
        slot->steal();
        slot->steal();
      });
      play.check = [slot] { slot->check(); };
      return play;
    });
    ::testing::Test::RecordProperty("states", static_cast<int>(result.states));
    expect_right(result);
  });
}

// ---- what it takes ----

struct NoFence {
  static void light() noexcept {}
  static void light_for_sure() noexcept {}
  static void heavy() noexcept {}
};
TEST(BiasedLockWithAMistake, NeedsTheHeavyFence) {
  using Broken = Scene<NoFence>;
  expect_wrong(explore<Broken>(kP, {owner_twice, stranger}));
}

struct FenceOfOne : NoFence {
  static void heavy() { SteppedAtomic<int>(0).exchange(1); }
};
TEST(BiasedLockWithAMistake, NeedsAFenceOnTheOwnersSideToo) {
  using Broken = Scene<FenceOfOne>;
  expect_wrong(explore<Broken>(kP, {owner_twice, stranger}));
}

// The owner does not look at owner_ again, but finds there what it found before.
template <class T>
struct SeenOnce : SteppedAtomic<T> {
  using SteppedAtomic<T>::SteppedAtomic;
  mutable bool is_second = false;
  T load(std::memory_order order) const {
    if constexpr (std::is_pointer_v<T>)
      if (std::exchange(is_second, !is_second)) return kP;
    return SteppedAtomic<T>::load(order);
  }
};
TEST(BiasedLockWithAMistake, NeedsTheOwnersSecondLook) {
  using Broken = Scene<SteppedFence, SeenOnce>;
  expect_wrong(explore<Broken>(kP, {[](Broken& scene) { scene.visit(kP); }, stranger}));
}

// Unlocking takes a stranger that waits outside for one that is inside.
template <class T>
struct AnyWordIsHeld : SteppedAtomic<T> {
  using SteppedAtomic<T>::SteppedAtomic;
  T load(std::memory_order order) const {
    T value = SteppedAtomic<T>::load(order);
    if constexpr (std::is_same_v<T, std::uint32_t>) return value != 0 ? 1 : 0;
    return value;
  }
};
TEST(BiasedLockWithAMistake, NeedsToTellHoldersApart) {
  using Broken = Scene<SteppedFence, AnyWordIsHeld>;
  expect_wrong(explore<Broken>(kP, {owner_twice, stranger}));
}

// The old owner may have looked once before it lost the lock: its held_ = 1 · no, not mine · held_ = 0 comes when the new
// owner is inside, and a third one gets in.
TEST(BiasedLockWithAMistake, NeedsToHaveOneOwnerForLife) {
  expect_wrong(explore(kP, {[](Scene<>& scene) { scene.visit(kR); },
                            [](Scene<>& scene) {
                              scene.visit_and_keep(kQ);
                              scene.visit(kQ);
                            },
                            [](Scene<>& scene) { scene.visit(kP); }}));
}

}  // namespace
}  // namespace sluice::internal
