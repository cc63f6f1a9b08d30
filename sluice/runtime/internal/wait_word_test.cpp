// SPDX-License-Identifier: MIT
//
// How waits end, in every interleaving on a machine that delays stores: WaitWord's own code, and around it in a few lines
// what Wait, wait_in_queue, Context::cancel and WaitQueue do. A run queue is a number here: how often the fiber is in it.
#include <sluice/runtime/internal/wait_word.hpp>

#include <memory>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/internal/interleavings_test.hpp>

namespace sluice::internal {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;  // relaxed: guarded by a lock, or read by its writer alone
constexpr auto kRelease = std::memory_order_release;  // release: pairs with a lock's exchange, or with is_cancelled

class SteppedLock {
 public:
  void lock() {
    while (word_.exchange(1) == 1) Interleavings::wait();
  }
  void unlock() { word_.store(0, kRelease); }

 private:
  SteppedAtomic<int> word_;
};

/// Values are sent to one fiber through either of two queues, and its contexts end meanwhile.
template <class Fence = SteppedFence, template <class> class Atomic = SteppedAtomic>
class Scene {
 public:
  using Word = BasicWaitWord<Fence, Atomic>;
  enum class Follows { kNothing, kOwn, kOther };

  // ---- the fiber ----

  // wait_in_queue
  void receive(Follows whom) {
    receive_somehow(whom);
    Interleavings::forget();
  }

  // As a select of two: both are locked until the wait has begun.
  void receive_from_either() {
    first_.lock.lock();
    second_.lock.lock();
    bool has_found = take(first_) || take(second_);
    if (!has_found) {
      first_.has_waiter.store(1, kRelaxed);
      second_.has_waiter.store(1, kRelaxed);
      word_.begin();
    }
    second_.lock.unlock();
    first_.lock.unlock();
    if (!has_found) {
      park();
      Interleavings::require(word_.token() == kFirst || word_.token() == kSecond, "the token is a sender's");
      for (Queue* queue : {&first_, &second_}) {
        queue->lock.lock();
        queue->has_waiter.store(0, kRelaxed);
        queue->lock.unlock();
      }
      word_.end();
      count(+1);
    }
    Interleavings::forget();
  }

  // ---- the others ----

  void send_first() { send(first_, kFirst); }
  void send_second() { send(second_, kSecond); }

  // Context::cancel, of the context that the fiber was started with: the fiber is in its list all the time.
  void end_own() {
    own_has_ended_.store(1, kRelease);
    end_wait(Word::kFollowsOwn);
  }
  // Of another one: the fiber is in its list while it waits.
  void end_other() {
    other_lock_.lock();
    other_has_ended_.store(1, kRelease);
    if (is_subscribed_.load(kRelaxed) != 0) end_wait(0);
    other_lock_.unlock();
  }

  void check(int sent) {
    Interleavings::require(ready_.load() == 0, "the fiber is still in a run queue");
    Interleavings::require(received_.load() + first_.values.load() + second_.values.load() == sent,
                           "a value was lost or doubled");
  }

  bool absorbs_claims = true;

 private:
  struct Queue {
    SteppedLock lock;
    SteppedAtomic<int> values, has_waiter;
  };
  static constexpr typename Word::Token kFirst = 16, kSecond = 32;

  void receive_somehow(Follows whom) {
    first_.lock.lock();
    if (take(first_)) return first_.lock.unlock();
    first_.has_waiter.store(1, kRelaxed);
    bool is_claimed = false;
    if (begin(whom, is_claimed)) {
      first_.lock.unlock();
      park();
      if (word_.token() == kFirst) {
        leave(whom);
        return count(+1);
      }
      Interleavings::require(whom != Follows::kNothing && word_.token() == Word::kContextEnded, "somebody else's token");
      first_.lock.lock();
    }
    first_.has_waiter.store(0, kRelaxed);
    first_.lock.unlock();
    if (is_claimed && absorbs_claims) park();
    leave(whom);
  }

  // Wait::Wait. False: the context had ended.
  bool begin(Follows whom, bool& is_claimed) {
    if (whom == Follows::kNothing) {
      word_.begin();
      return true;
    }
    bool is_own = whom == Follows::kOwn;
    if (!is_own && !subscribe()) return false;
    auto has_ended = [&] { return (is_own ? own_has_ended_ : other_has_ended_).load() != 0; };
    if (word_.begin(is_own ? Word::kFollowsOwn : 0, has_ended)) return true;
    is_claimed = !word_.give_up();
    return false;
  }
  // Wait::~Wait
  void leave(Follows whom) {
    if (whom == Follows::kOther) {
      other_lock_.lock();
      is_subscribed_.store(0, kRelaxed);
      other_lock_.unlock();
    }
    word_.end();
  }
  bool subscribe() {
    other_lock_.lock();
    bool is_alive = other_has_ended_.load(kRelaxed) == 0;
    if (is_alive) is_subscribed_.store(1, kRelaxed);
    other_lock_.unlock();
    return is_alive;
  }
  void park() {
    while (ready_.load() == 0) Interleavings::wait();
    Interleavings::require(ready_.fetch_sub(1) == 1, "the fiber was in a run queue twice");
  }
  void end_wait(typename Word::Token follows) {
    bool is_ours = word_.claim(Word::kContextEnded, follows);  // if it is seen to wait: no fence then
    if (!is_ours) {
      Fence::heavy();
      is_ours = word_.claim(Word::kContextEnded, follows);
    }
    if (is_ours) make_ready();
  }
  void make_ready() { Interleavings::require(ready_.fetch_add(1) == 0, "the fiber is put into a run queue twice"); }

  // Each of these under the queue's lock.
  bool take(Queue& queue) {
    int values = queue.values.load(kRelaxed);
    if (values == 0) return false;
    queue.values.store(values - 1, kRelaxed);
    count(+1);
    return true;
  }
  void send(Queue& queue, typename Word::Token token) {
    queue.lock.lock();
    bool is_served = false;
    if (queue.has_waiter.load(kRelaxed) != 0) {
      queue.has_waiter.store(0, kRelaxed);
      is_served = word_.claim(token);
    }
    if (!is_served) queue.values.store(queue.values.load(kRelaxed) + 1, kRelaxed);
    queue.lock.unlock();
    if (is_served) make_ready();
    Interleavings::forget();
  }
  void count(int more) { received_.store(received_.load(kRelaxed) + more, kRelaxed); }  // the fiber's own

  Word word_;
  SteppedAtomic<int> ready_;
  SteppedAtomic<int> received_;
  Queue first_, second_;
  SteppedAtomic<int> own_has_ended_, other_has_ended_;
  SteppedLock other_lock_;
  SteppedAtomic<int> is_subscribed_;
};

template <class Scene>
using Script = std::vector<void (*)(Scene&)>;

template <class Scene = Scene<>>
Interleavings::Result explore(int sent, std::type_identity_t<Script<Scene>> script, bool absorbs_claims = true) {
  Interleavings::Result result;
  in_virtual_time([&](Context& ctx) {
    result = Interleavings::explore(ctx, [&] {
      auto scene = std::make_shared<Scene>();
      scene->absorbs_claims = absorbs_claims;
      Interleavings::Play play;
      for (auto thread : script) play.threads.push_back([scene, thread] { thread(*scene); });
      play.check = [scene, sent] { scene->check(sent); };
      return play;
    });
  });
  ::testing::Test::RecordProperty("states", static_cast<int>(result.states));
  return result;
}

void expect_right(const Interleavings::Result& result) {
  EXPECT_EQ(result.violation, "");
  EXPECT_GT(result.states, kSanitized ? 20U : 1'000U);
  EXPECT_TRUE(kSanitized || result.states < Interleavings::kMaxStates);
}
void expect_wrong(const Interleavings::Result& result) { EXPECT_TRUE(kSanitized || !result.violation.empty()); }

using Right = Scene<>;
using Follows = Right::Follows;

template <class Scene>
void wait_for_own_then_for_nothing(Scene& scene) {
  scene.receive(Scene::Follows::kOwn);
  scene.receive(Scene::Follows::kNothing);
}
template <class Scene>
void wait_for_other_then_for_nothing(Scene& scene) {
  scene.receive(Scene::Follows::kOther);
  scene.receive(Scene::Follows::kNothing);
}
template <class Scene>
void end_own(Scene& scene) {
  scene.end_own();
}
template <class Scene>
void end_other(Scene& scene) {
  scene.end_other();
}
template <class Scene>
void send_two(Scene& scene) {
  scene.send_first();
  scene.send_first();
}

// The second wait sees to it that a claim of the first one that comes too late does no harm.
TEST(WaitWord, IsClaimedOnceByASenderOrTheOwnContext) {
  expect_right(explore(2, {wait_for_own_then_for_nothing, end_own, send_two}));
}

TEST(WaitWord, IsClaimedOnceByASenderOrAnotherContext) {
  expect_right(explore(2, {wait_for_other_then_for_nothing, end_other, send_two}));
}

TEST(WaitWord, EndsWithTheContextThatItFollowsAlone) {
  expect_right(explore(0, {[](Right& scene) { scene.receive(Follows::kOther); }, end_own, end_other}));
}

TEST(WaitWord, IsClaimedByOneOfTwoSendersAndTheOtherKeepsItsValue) {
  expect_right(explore(2, {[](Right& scene) {
                             scene.receive_from_either();
                             scene.receive_from_either();
                           },
                           [](Right& scene) { scene.send_first(); }, [](Right& scene) { scene.send_second(); }}));
}

// ---- what it takes ----

template <class Scene>
void wait_for_own(Scene& scene) {
  scene.receive(Scene::Follows::kOwn);
}

struct NoFence {
  static void light() noexcept {}
  static void heavy() noexcept {}
};
TEST(WaitWordWithAMistake, NeedsTheHeavyFence) {
  if (kSanitized) GTEST_SKIP() << "what is found abandons fibers, and with them what they own";
  using Broken = Scene<NoFence>;
  expect_wrong(explore<Broken>(0, {wait_for_own, end_own}));
}

struct FenceOfOne : NoFence {
  static void heavy() { SteppedAtomic<int>(0).exchange(1); }
};
TEST(WaitWordWithAMistake, NeedsAFenceOnTheFibersSideToo) {
  if (kSanitized) GTEST_SKIP() << "what is found abandons fibers, and with them what they own";
  using Broken = Scene<FenceOfOne>;
  expect_wrong(explore<Broken>(0, {wait_for_own, end_own}));
}

TEST(WaitWordWithAMistake, NeedsToParkWhenAClaimCameFirst) {
  expect_wrong(explore(0, {wait_for_own, end_own}, false));
}

template <class T>
struct Torn : SteppedAtomic<T> {
  using SteppedAtomic<T>::SteppedAtomic;
  bool compare_exchange_weak(T& expected, T wanted, std::memory_order good, std::memory_order bad) {
    T before = expected;
    expected = this->load(bad);
    if (expected == before) this->store(wanted, good);
    return expected == before;
  }
};
TEST(WaitWordWithAMistake, NeedsOneExchangeToClaim) {
  using Broken = Scene<SteppedFence, Torn>;
  expect_wrong(explore<Broken>(1, {wait_for_own, end_own, [](Broken& scene) { scene.send_first(); }}));
}

}  // namespace
}  // namespace sluice::internal
