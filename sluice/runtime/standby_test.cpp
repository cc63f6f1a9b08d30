// SPDX-License-Identifier: MIT
//
// The word by which a Standby is woken, in every interleaving; then standbys on real descriptors, and with fibers.
#include <sluice/runtime/standby.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <sluice/runtime/internal/interleavings_test.hpp>
#include <sluice/runtime/internal/scheduler.hpp>
#include <sluice/runtime/many_seeds_test.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/pollable.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using internal::Interleavings;
using internal::SteppedAtomic;
using Cause = Standby::Cause;

// ---- every interleaving ----

// A connection that takes what is there and stands by for more; its source, which brings bytes and wakes it, both under a
// lock; a caller. Whoever wins a claim goes on as the connection.
template <class Word = internal::BasicStandbyWord<SteppedAtomic>>
class Scene {
 public:
  void connection() {
    for (;;) {
      Interleavings::require(awake_.fetch_add(1) == 0, "two fibers have it");
      bytes_.exchange(0);
      called_.exchange(0);
      if (!word_.begin()) {
        awake_.fetch_add(-1);
        continue;
      }
      lock();
      if (bytes_.load() != 0) static_cast<void>(word_.claim(false));
      is_told_.store(1);
      unlock();
      awake_.fetch_add(-1);  // from commit() on it may be somebody else's
      if (word_.commit()) return;
      word_.settle();
    }
  }
  void source() {
    lock();
    bytes_.store(1);
    bool is_won = is_told_.exchange(0) != 0 && word_.claim(false) == Word::Claim::kWon;
    unlock();
    if (is_won) connection();
  }
  void source_twice() {
    source();
    source();
  }
  void caller() {
    called_.store(1);
    if (word_.claim(true) == Word::Claim::kWon) connection();
  }
  void check() const {
    Interleavings::require(bytes_.load() == 0, "it waits although something is there");
    Interleavings::require(called_.load() == 0, "it waits although it was called");
  }

 private:
  void lock() {
    while (locked_.exchange(1) != 0) Interleavings::wait();
  }
  void unlock() { locked_.store(0); }

  Word word_;
  SteppedAtomic<int> locked_;
  SteppedAtomic<int> bytes_;
  SteppedAtomic<int> is_told_;
  SteppedAtomic<int> called_;
  SteppedAtomic<int> awake_;
};

template <class Scene>
Interleavings::Result explore(std::vector<void (Scene::*)()> threads) {
  Interleavings::Result result;
  in_virtual_time([&](Context& ctx) {
    result = Interleavings::explore(ctx, [&] {
      auto scene = std::make_shared<Scene>();
      Interleavings::Play play;
      for (auto thread : threads) play.threads.push_back([scene, thread] { (*scene.*thread)(); });
      play.check = [scene] { scene->check(); };
      return play;
    });
  });
  return result;
}

void expect_right(const Interleavings::Result& result) {
  EXPECT_EQ(result.violation, "");
  EXPECT_GT(result.states, kSanitized ? 20U : 100U);
}

TEST(StandbyWord, MissesNothingThatComesWhileItBeginsToWait) {
  expect_right(explore<Scene<>>({&Scene<>::connection, &Scene<>::source_twice}));
}

TEST(StandbyWord, MissesNoCall) { expect_right(explore<Scene<>>({&Scene<>::connection, &Scene<>::caller, &Scene<>::caller})); }

TEST(StandbyWord, HasOneFiberWhoeverWakesIt) {
  expect_right(explore<Scene<>>({&Scene<>::connection, &Scene<>::source, &Scene<>::caller}));
}

// Arms whatever has happened since begin().
struct ForgetsEarlyWakes : internal::BasicStandbyWord<SteppedAtomic> {
  bool commit() noexcept {
    if (internal::BasicStandbyWord<SteppedAtomic>::commit()) return true;
    settle();
    return !begin() || internal::BasicStandbyWord<SteppedAtomic>::commit();
  }
};

TEST(StandbyWord, WouldMissWhatComesEarlyIfItWereNotRemembered) {
  using Forgetful = Scene<ForgetsEarlyWakes>;
  auto result = explore<Forgetful>({&Forgetful::connection, &Forgetful::source});
  EXPECT_TRUE(kSanitized || !result.violation.empty());
}

// ---- with fibers ----

// Notes why it was woken, and stands by again if it is told to.
class Visitor final : public Standby {
 public:
  explicit Visitor(Context& stop) : Standby(stop) {}

  std::vector<Cause> causes;
  std::function<void(Cause)> then = [](Cause) {};

 private:
  void on_wake(Cause cause, Instant) noexcept override {
    causes.push_back(cause);
    auto own = then;  // who is told that this was the last time may destroy us
    own(cause);
  }
};

std::uint64_t fibers() {
  internal::VitalSigns signs = internal::Scheduler::running().vital_signs();
  return signs.running + signs.blocking + signs.runnable + signs.waiting;
}
std::uint64_t standing_by() { return internal::Scheduler::running().vital_signs().standing_by; }

bool stand_by(Visitor& visitor, Deadline until = {}) { return visitor.begin() && visitor.commit(until); }

TEST(Standby, WaitsWithoutAFiberUntilItIsCalled) {
  in_virtual_time([](Context& ctx) {
    Visitor visitor(ctx);
    std::uint64_t before = fibers();
    ASSERT_TRUE(stand_by(visitor));
    EXPECT_EQ(fibers(), before);
    EXPECT_EQ(standing_by(), 1U);
    let_all_park(ctx);
    EXPECT_TRUE(visitor.causes.empty());
    visitor.call();
    EXPECT_TRUE(visitor.causes.empty());  // on a fiber of its own
    let_all_park(ctx);
    EXPECT_EQ(visitor.causes, std::vector{Cause::kCall});
    EXPECT_EQ(standing_by(), 0U);
  });
}

TEST(Standby, IsWokenAtItsDeadlineAndNotBefore) {
  in_virtual_time([](Context& ctx) {
    Visitor visitor(ctx);
    ASSERT_TRUE(stand_by(visitor, Deadline::after(runtime_clock(), 5s)));
    EXPECT_TRUE(sleep(ctx, 5s - Duration(2)));
    EXPECT_TRUE(visitor.causes.empty());
    EXPECT_TRUE(sleep(ctx, Duration(4)));
    EXPECT_EQ(visitor.causes, std::vector{Cause::kDeadline});
  });
}

TEST(Standby, IsWokenOnceWhoeverElseComes) {
  in_virtual_time([](Context& ctx) {
    Visitor visitor(ctx);
    ASSERT_TRUE(stand_by(visitor, Deadline::after(runtime_clock(), 5s)));
    EXPECT_TRUE(visitor.wake());
    EXPECT_FALSE(visitor.wake());
    EXPECT_TRUE(sleep(ctx, 10s));
    EXPECT_EQ(visitor.causes, std::vector{Cause::kReadable});
  });
}

TEST(Standby, RemembersACallThatComesWhileItIsAwake) {
  in_virtual_time([](Context& ctx) {
    Visitor visitor(ctx);
    visitor.call();
    EXPECT_FALSE(visitor.wake());  // a source that is late is none
    EXPECT_FALSE(stand_by(visitor));
    EXPECT_TRUE(stand_by(visitor));
    visitor.call();
    let_all_park(ctx);
    EXPECT_EQ(visitor.causes.size(), 1U);
  });
}

TEST(Standby, DoesNotBeginToWaitForWhatCameMeanwhile) {
  in_virtual_time([](Context& ctx) {
    Visitor visitor(ctx);
    ASSERT_TRUE(visitor.begin());
    EXPECT_TRUE(visitor.wake());
    EXPECT_FALSE(visitor.commit(Deadline::after(runtime_clock(), 5s)));
    EXPECT_TRUE(sleep(ctx, 10s));
    EXPECT_TRUE(visitor.causes.empty());
    EXPECT_EQ(standing_by(), 0U);
  });
}

TEST(Standby, IsCalledWhenItsContextEnds) {
  in_virtual_time([](Context& ctx) {
    Context stop(ctx);
    {
      Visitor waiting(stop), busy(stop);
      ASSERT_TRUE(stand_by(waiting));
      stop.cancel();
      let_all_park(ctx);
      EXPECT_EQ(waiting.causes, std::vector{Cause::kCall});
      EXPECT_FALSE(stand_by(busy));
    }
    Visitor late(stop);
    EXPECT_FALSE(stand_by(late));
  });
}

TEST(Standby, CalledByAThreadThatRunsNoFibersGetsOneAllTheSame) {
  on_processors(1, [](Context& ctx) {
    Visitor visitor(ctx);
    WaitGroup woken;
    woken.add();
    visitor.then = [&](Cause) { woken.done(); };
    ASSERT_TRUE(stand_by(visitor));
    std::thread stranger([&] { visitor.call(); });
    EXPECT_TRUE(woken.wait(ctx));
    stranger.join();
  });
}

// ---- on a descriptor ----

class Ends {
 public:
  Ends() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    ours = *Pollable::adopt(ends[0]);
    theirs_ = ends[1];
  }
  ~Ends() { hang_up(); }
  void send() { EXPECT_EQ(::send(theirs_, "x", 1, MSG_NOSIGNAL), 1); }
  void hang_up() {
    if (theirs_ >= 0) ::close(std::exchange(theirs_, -1));
  }

  std::unique_ptr<Pollable> ours;

 private:
  int theirs_ = -1;
};

// False: nothing was there. Taken to its end, as who stands by must.
[[gnu::noinline]] bool take_all(Pollable& socket) {
  char room[8];
  bool is_any = false;
  while (::recv(socket.fd(), room, sizeof room, MSG_DONTWAIT) > 0) is_any = true;
  return is_any;
}

TEST(Standby, IsWokenByBytes) {
  in_virtual_time([](Context& ctx) {
    Visitor visitor(ctx);
    Ends ends;
    while (!ends.ours->stand_by(visitor, {})) {}  // at first it may be readable, for all it knows
    let_all_park(ctx);
    EXPECT_TRUE(visitor.causes.empty());
    ends.send();
    let_all_park(ctx);
    EXPECT_EQ(visitor.causes, std::vector{Cause::kReadable});
  });
}

TEST(Standby, DoesNotWaitForBytesOfWhichThePollerHasTold) {
  in_virtual_time([](Context& ctx) {
    Visitor visitor(ctx);
    Ends ends;
    ends.send();
    let_all_park(ctx);  // the poller has told, and nobody waited
    EXPECT_FALSE(ends.ours->stand_by(visitor, {}));
    EXPECT_TRUE(ends.ours->stand_by(visitor, {}));  // it was told that once
    visitor.call();
    let_all_park(ctx);
  });
}

// The end may have come with the last bytes, in one event: there is no second one.
TEST(Standby, NeverWaitsForAPeerThatHasGone) {
  in_virtual_time([](Context& ctx) {
    Visitor visitor(ctx);
    Ends ends;
    ends.send();
    ends.hang_up();
    let_all_park(ctx);
    EXPECT_FALSE(ends.ours->stand_by(visitor, {}));  // a look for the byte
    EXPECT_FALSE(ends.ours->stand_by(visitor, {}));  // and one for the end
    EXPECT_TRUE(ends.ours->stand_by(visitor, {}));   // who has looked twice, knows
    visitor.call();
    let_all_park(ctx);
  });
}

TEST(Standby, LeavesALookForTheEndToWhoIsWokenByTheBytes) {
  in_virtual_time([](Context& ctx) {
    Visitor visitor(ctx);
    Ends ends;
    ASSERT_TRUE(ends.ours->stand_by(visitor, {}));
    ends.send();
    ends.hang_up();
    let_all_park(ctx);
    EXPECT_EQ(visitor.causes, std::vector{Cause::kReadable});
    EXPECT_TRUE(ends.ours->take_hang_up());
    EXPECT_FALSE(ends.ours->take_hang_up());
  });
}

TEST(Standby, MayOutliveWhatItWaitedFor) {
  in_virtual_time([](Context& ctx) {
    Visitor visitor(ctx);
    {
      Ends ends;
      ASSERT_TRUE(ends.ours->stand_by(visitor, {}));
      visitor.call();
      let_all_park(ctx);
      ends.send();
    }
    let_all_park(ctx);
    EXPECT_EQ(visitor.causes, std::vector{Cause::kCall});
    EXPECT_TRUE(stand_by(visitor));
    visitor.call();
    let_all_park(ctx);
  });
}

// The bytes come at any moment of taking, looking, and beginning to wait, from another processor.
TEST(Standby, LosesNoByteOfARace) {
  on_few_and_many_processors([](Context& ctx) {
    Visitor visitor(ctx);
    Ends ends;
    WaitGroup taken, over;
    std::atomic<bool> is_over{false};
    visitor.then = [&](Cause) {
      do {
        if (is_over.load()) return over.done();
        if (take_all(*ends.ours)) taken.done();
      } while (!ends.ours->stand_by(visitor, {}));
    };
    ASSERT_TRUE(ends.ours->stand_by(visitor, {}));
    for (int i = 0; i < kManyTimes / 10; ++i) {
      taken.add();
      ends.send();
      ASSERT_TRUE(taken.wait(ctx));
    }
    over.add();
    is_over.store(true);
    visitor.call();
    EXPECT_TRUE(over.wait(ctx));
  });
}

}  // namespace
}  // namespace sluice
