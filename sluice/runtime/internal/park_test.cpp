// SPDX-License-Identifier: MIT
//
// The moments between publishing a wait and being off the stack: a few nanoseconds, in which a race rarely falls. Here
// they are hit for certain, by ending the wait from inside.
#include <sluice/runtime/internal/park.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include <gtest/gtest.h>

#include <sluice/runtime/fiber_test.hpp>
#include <sluice/runtime/internal/futex.hpp>

namespace sluice::internal {
namespace {

using namespace std::chrono_literals;

constexpr std::uintptr_t kToken = 64;

std::uintptr_t park(Wait& wait) { return wait.park(ParkReason::kSelect); }

// What whoever ends a wait does.
bool end_wait(std::uintptr_t token) {
  bool is_ours = this_fiber().claim(token);
  if (is_ours) make_ready(this_fiber());
  return is_ours;
}

TEST(Wait, ThatIsClaimedOnItsWayToSleepGoesOn) {
  in_virtual_time([](Context& ctx) {
    Context other{ctx};
    for (Context* follow : {static_cast<Context*>(nullptr), &ctx, &other}) {
      Wait wait(follow);
      ASSERT_TRUE(wait.may_park());
      EXPECT_TRUE(end_wait(kToken));
      EXPECT_FALSE(end_wait(kToken + 64));
      EXPECT_EQ(park(wait), kToken);
    }
  });
}

TEST(Wait, WhoseContextEndsOnItsWayToSleepGoesOn) {
  in_virtual_time([](Context& ctx) {
    Context request{ctx};
    Wait wait(&request);
    ASSERT_TRUE(wait.may_park());
    request.cancel();
    EXPECT_EQ(park(wait), Fiber::kContextEndedToken);
  });
}

TEST(Wait, WhoseOwnContextEndsOnItsWayToSleepGoesOn) {
  in_virtual_time([](Context& ctx) {
    TaskGroup group{ctx};
    group.go([&](Context& own) {
      EXPECT_TRUE(sleep(own, 1s));  // from now on the fiber is subscribed to its own context
      {
        Wait wait(&own);
        ASSERT_TRUE(wait.may_park());
        own.cancel();
        EXPECT_EQ(park(wait), Fiber::kContextEndedToken);
      }
      Wait another(&own);  // whoever saw the context alive before it ended comes here next
      EXPECT_FALSE(another.may_park());
    });
    EXPECT_TRUE(group.wait());
  });
}

// Its own context says nothing about a wait that was given another one, or none.
TEST(Wait, FollowsTheContextThatItWasGivenAlone) {
  in_virtual_time([](Context& ctx) {
    Context patient;
    TaskGroup group{ctx};
    group.go([&](Context& own) {
      EXPECT_TRUE(sleep(own, 1s));
      for (Context* follow : {static_cast<Context*>(nullptr), &patient}) {
        Wait wait(follow);
        ASSERT_TRUE(wait.may_park());
        own.cancel();
        EXPECT_TRUE(end_wait(kToken));
        EXPECT_EQ(park(wait), kToken);
      }
    });
    EXPECT_TRUE(group.wait());
  });
}

TEST(Wait, ThatIsOverCannotBeClaimed) {
  in_virtual_time([](Context&) {
    EXPECT_FALSE(end_wait(kToken));
    { Wait unused(nullptr); }
    EXPECT_FALSE(end_wait(kToken));
  });
}

// The moment in which a fiber leaves its own context's list while a thread goes through that in cancel(). First in the list
// is somebody who holds the thread up until the fiber is on its way out.
TEST(Wait, ItsFiberMayEndWhileItsContextIsBeingCancelled) {
  struct First : Cancellable {
    std::atomic<bool> is_reached{false};
  };
  on_processors(1, [](Context& ctx) {
    for (int round = 0; round < 20; ++round) {
      First first;
      first.on_cancel = [](Cancellable* self, Cancellable::Step) noexcept {
        static_cast<First*>(self)->is_reached = true;
        for (int pause = 0; pause < 10'000; ++pause) relax_processor();  // longer than it takes to end
        return true;
      };
      std::thread canceller;
      TaskGroup group{ctx};
      ASSERT_TRUE(group.context().subscribe(first));
      group.go([&](Context& own) {
        EXPECT_TRUE(sleep(own, Duration(1)));  // from now on the fiber is in the list, too
        canceller = std::thread([&] { own.cancel(); });
        while (!first.is_reached) relax_processor();
      });
      EXPECT_TRUE(group.wait());
      canceller.join();
      group.context().unsubscribe(first);
    }
  });
}

TEST(WaitDeathTest, NeedsAFiber) { EXPECT_DEATH(static_cast<void>(this_fiber()), "only a fiber can wait"); }

}  // namespace
}  // namespace sluice::internal
