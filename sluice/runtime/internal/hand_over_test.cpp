// SPDX-License-Identifier: MIT
//
// A fiber that is claimed is in a run queue at once, although it may not have left its stack. Here two machines run two
// fibers that wake each other, in every interleaving on a machine that delays stores. The run queue and the wait word are
// the real ones. The rest jumps between stacks and is modelled in a few lines each, named after what they stand for: what
// goes on between switch_to, leave and arrive (scheduler.hpp, context_switch.hpp), and machine_main's loop.
#include <array>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/internal/interleavings_test.hpp>
#include <sluice/runtime/internal/run_queue.hpp>
#include <sluice/runtime/internal/wait_word.hpp>

namespace sluice::internal {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;  // relaxed: as in the code that is modelled
constexpr auto kRelease = std::memory_order_release;  // release: as there
constexpr auto kAcquire = std::memory_order_acquire;  // acquire: as there

enum class Mistake { kNone, kNobodyWaits, kLeaverSaysThatItHasLeft };

class Scene {
 public:
  Scene(Context& ctx, Mistake mistake) : mistake_(mistake), group_(ctx) {
    for (std::size_t i = 0; i < fibers_.size(); ++i)
      group_.go([this, i](Context&) {
        G& self = fibers_[i];
        std::size_t on = *self.resumed_on.recv();
        arrive(on);
        is_at(self, Place::kOutside);
        i == 0 ? first(self) : second(self);
        end(self);
      });
    machines_[0].queue.push(name(fibers_[0]));
    machines_[1].queue.push(name(fibers_[1]));
  }

  // machine_main
  void machine(std::size_t m) {
    M& self = machines_[m];
    for (;;) {
      G* next = std::exchange(self.pending, nullptr);
      if (next == nullptr) next = find_runnable(m);
      if (next == nullptr) return;
      while (mistake_ != Mistake::kNobodyWaits && next->is_on_stack.load(kAcquire) != 0) Interleavings::wait();
      leave(m, nullptr, next);
      self.loop_resumed.recv();
      arrive(m);
    }
  }

 private:
  struct G {
    BasicWaitWord<SteppedFence, SteppedAtomic> word;
    SteppedAtomic<int> is_on_stack, registers, has_value, has_waiter;
    SteppedAtomic<Interleavings::Word> where;
    Interleavings::Word completed = 0;  // sends and receives
    int switches = 0;  // what the registers must be
    bool is_running = false;
    bool has_ended = false;
    std::size_t on = 0;
    Chan<std::size_t> resumed_on{1};
  };
  struct M {
    BasicRunQueue<2, SteppedAtomic> queue;
    G* current = nullptr;
    G* previous = nullptr;
    G* pending = nullptr;
    Chan<bool> loop_resumed{1};
  };

  enum class Place : std::uint8_t { kOutside, kLocked, kParking };

  // ---- the fibers ----

  void first(G& self) {
    send(self, fibers_[1]);
    receive(self);
  }
  void second(G& self) {
    receive(self);
    send(self, fibers_[0]);
  }

  // wait_in_queue
  void receive(G& self) {
    lock(self);
    if (self.has_value.load(kRelaxed) != 0) {
      self.has_value.store(0, kRelaxed);
      unlock();
      return complete(self);
    }
    self.has_waiter.store(1, kRelaxed);
    self.word.begin();
    unlock();
    is_at(self, Place::kParking);
    switch_to(self, take(machines_[self.on].queue.pop()));
    Interleavings::require(self.word.token() == kSent, "nobody claimed the wait");
    self.word.end();
    complete(self);
  }

  void send(G& self, G& to) {
    lock(self);
    bool is_claimed = to.has_waiter.load(kRelaxed) != 0 && to.word.claim(kSent);
    is_claimed ? to.has_waiter.store(0, kRelaxed) : to.has_value.store(1, kRelaxed);
    unlock();
    if (is_claimed) Interleavings::require(machines_[self.on].queue.push(name(to)), "a fiber is queued too often");
    complete(self);
  }

  void end(G& self) {
    std::size_t m = self.on;
    self.has_ended = true;
    G* next = take(machines_[m].queue.pop());
    if (next != nullptr && next->is_on_stack.load(kAcquire) != 0) machines_[m].pending = std::exchange(next, nullptr);
    leave(m, &self, next);
  }

  void lock(G& self) {
    while (lock_.exchange(1) == 1) Interleavings::wait();
    is_at(self, Place::kLocked);
  }
  void unlock() { lock_.store(0, kRelease); }

  void complete(G& self) {
    ++self.completed;
    is_at(self, Place::kOutside);
  }
  // Of a parked fiber no thread's past says where it is.
  void is_at(G& self, Place place) {
    Interleavings::Word where = self.completed * 4 + static_cast<Interleavings::Word>(place);
    Interleavings::mark(self.where, [&](Interleavings::Word) { return where; });
    Interleavings::at((&self == &fibers_[0] ? 100 : 200) + where);
  }

  // ---- the scheduler ----

  G* find_runnable(std::size_t m) {
    for (;;) {
      Interleavings::at(kInLoop);
      if (G* own = take(machines_[m].queue.pop())) return own;
      if (G* stolen = take(machines_[1 - m].queue.steal_into(machines_[m].queue))) return stolen;
      if (ended_.load() == 2) return nullptr;
      Interleavings::wait();
    }
  }

  void switch_to(G& self, G* next) {
    if (next == &self) return;
    if (mistake_ != Mistake::kNobodyWaits && next != nullptr && next->is_on_stack.load(kAcquire) != 0)
      machines_[self.on].pending = std::exchange(next, nullptr);
    leave(self.on, &self, next);
    std::size_t on = *self.resumed_on.recv();
    arrive(on);
  }

  // Up to the jump. Null: the loop.
  void leave(std::size_t m, G* from, G* to) {
    machines_[m].previous = from;
    machines_[m].current = to;
    if (to != nullptr) to->is_on_stack.store(1, kRelaxed);
    if (from != nullptr) {
      if (mistake_ == Mistake::kLeaverSaysThatItHasLeft) from->is_on_stack.store(0, kRelease);
      from->registers.store(++from->switches, kRelaxed);
      from->is_running = false;
    }
    if (to == nullptr) {
      machines_[m].loop_resumed.send(true);
      return;
    }
    Interleavings::require(!std::exchange(to->is_running, true), "a fiber runs on two machines");
    Interleavings::require(to->registers.load(kRelaxed) == to->switches, "a fiber goes on as it was before");
    to->on = m;
    to->resumed_on.send(m);
  }
  // After it.
  void arrive(std::size_t m) {
    G* left = std::exchange(machines_[m].previous, nullptr);
    if (left == nullptr) return;
    if (left->has_ended) {
      ended_.fetch_add(1);  // bury
    } else if (mistake_ != Mistake::kLeaverSaysThatItHasLeft) {
      left->is_on_stack.store(0, kRelease);
    }
  }

  // The queue holds pointers to real fibers, but never looks into them; and a number is the same in each play.
  Fiber* name(const G& fiber) { return reinterpret_cast<Fiber*>((&fiber == &fibers_[0] ? 1 : 2) * kNameStep); }
  G* take(Fiber* name) {
    auto number = reinterpret_cast<std::uintptr_t>(name) / kNameStep;
    return number == 0 ? nullptr : &fibers_[number - 1];
  }

  static constexpr Interleavings::Word kInLoop = 1;
  static constexpr std::uintptr_t kSent = 16, kNameStep = 64;

  const Mistake mistake_;
  std::array<G, 2> fibers_;
  std::array<M, 2> machines_;
  SteppedAtomic<int> lock_, ended_;
  TaskGroup group_;
};

Interleavings::Result explore(Mistake mistake) {
  Interleavings::Result result;
  in_virtual_time([&](Context& ctx) {
    result = Interleavings::explore(ctx, [&] {
      auto scene = std::make_shared<Scene>(ctx, mistake);
      return Interleavings::Play{{[scene] { scene->machine(0); }, [scene] { scene->machine(1); }}, {}};
    });
  });
  ::testing::Test::RecordProperty("states", static_cast<int>(result.states));
  return result;
}

TEST(HandOver, ToAnotherMachineWaitsUntilTheFiberHasLeftItsStack) {
  auto result = explore(Mistake::kNone);
  EXPECT_EQ(result.violation, "");
  EXPECT_GT(result.states, kSanitized ? 20U : 1'000U);
  EXPECT_TRUE(kSanitized || result.states < Interleavings::kMaxStates);
}

TEST(HandOverWithAMistake, NeedsSomebodyToWait) {
  EXPECT_TRUE(kSanitized || !explore(Mistake::kNobodyWaits).violation.empty());
}

TEST(HandOverWithAMistake, NeedsToBeSaidByWhoRunsNext) {
  EXPECT_TRUE(kSanitized || !explore(Mistake::kLeaverSaysThatItHasLeft).violation.empty());
}

}  // namespace
}  // namespace sluice::internal
