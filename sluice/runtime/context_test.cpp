// SPDX-License-Identifier: MIT
#include <sluice/runtime/context.hpp>

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <sys/socket.h>

#include <gtest/gtest.h>

#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/cond.hpp>
#include <sluice/runtime/fiber_test.hpp>
#include <sluice/runtime/gate.hpp>
#include <sluice/runtime/map_reduce.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/pollable.hpp>
#include <sluice/runtime/rw_mutex.hpp>
#include <sluice/runtime/select.hpp>
#include <sluice/runtime/semaphore.hpp>
#include <sluice/runtime/singleflight.hpp>
#include <sluice/runtime/wait_group.hpp>
#include <sluice/runtime/worker_pool.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(Context, LivesUntilItIsCancelled) {
  Context root;
  EXPECT_FALSE(root.is_cancelled());
  EXPECT_TRUE(root.check());
  EXPECT_TRUE(root.deadline().is_never());
  root.cancel();
  EXPECT_TRUE(root.is_cancelled());
  EXPECT_EQ(root.check().error().code(), Code::kCancelled);
}

TEST(Context, CancellingReachesAllBelowAndNobodyAbove) {
  Context root;
  Context service{root};
  Context request{service}, neighbour{root};
  Context query{request};
  service.cancel(Error(Code::kUnavailable, "shutting down"));
  EXPECT_TRUE(root.check());
  EXPECT_TRUE(neighbour.check());
  EXPECT_EQ(request.check().error().code(), Code::kUnavailable);
  EXPECT_EQ(query.check().error().code(), Code::kUnavailable);
}

TEST(Context, TheFirstCauseStays) {
  Context root;
  Context child{root};
  child.cancel(Error(Code::kAborted, "first"));
  child.cancel(Error(Code::kInternal, "second"));
  root.cancel(Error(Code::kUnavailable, "third"));
  EXPECT_EQ(child.check().error().detail(), "first");
  EXPECT_EQ(root.check().error().detail(), "third");
}

TEST(Context, ChildOfAnEndedOneIsBornEnded) {
  Context root;
  root.cancel(Error(Code::kAborted, "gone"));
  Context child{root};
  EXPECT_EQ(child.check().error().code(), Code::kAborted);
}

TEST(Context, DeadlineIsNeverLaterThanTheParents) {
  in_virtual_time([](Context& ctx) {
    Instant now = runtime_clock().now();
    Context request{ctx, 3s};
    EXPECT_EQ(request.deadline().when(), now + 3s);
    Context longer{request, 10s}, shorter{request, 1s}, same{request};
    EXPECT_EQ(longer.deadline(), request.deadline());
    EXPECT_EQ(same.deadline(), request.deadline());
    EXPECT_EQ(shorter.deadline().when(), now + 1s);
  });
}

TEST(Context, EndsAtItsDeadlineAndNotBefore) {
  in_virtual_time([](Context& ctx) {
    Context request{ctx, 3s};
    Context query{request, 10s};
    EXPECT_TRUE(sleep(ctx, 3s - 1ns));
    EXPECT_TRUE(query.check());
    EXPECT_TRUE(sleep(ctx, 1ns));
    EXPECT_EQ(request.check().error().code(), Code::kDeadlineExceeded);
    EXPECT_EQ(query.check().error().code(), Code::kDeadlineExceeded);
    EXPECT_TRUE(ctx.check());
  });
}

// As in Go: nobody begins what is late already, though it would not have to wait.
TEST(Context, WhoseDeadlineHasPassedIsBornEnded) {
  in_virtual_time([](Context& ctx) {
    Instant now = runtime_clock().now();
    Context late{ctx, -1s}, at_once{ctx, Duration::zero()}, then{ctx, Deadline(now - 1ns)}, now_or_never{ctx, Deadline(now)};
    for (Context* each : {&late, &at_once, &then, &now_or_never}) {
      EXPECT_EQ(each->check().error().code(), Code::kDeadlineExceeded);
      EXPECT_EQ(Context(*each).check().error().code(), Code::kDeadlineExceeded);
      EXPECT_EQ(sleep(*each, 1h).error().code(), Code::kDeadlineExceeded);
    }
    Context in_time{ctx, Deadline(now + 1ns)};
    EXPECT_TRUE(in_time.check());
    Context parent{ctx};
    parent.cancel(Error(Code::kAborted, "gone before"));
    Context both{parent, -1s};
    EXPECT_EQ(both.check().error().code(), Code::kAborted);  // the first cause
  });
}

TEST(Context, FindsTheNearestValue) {
  static constexpr ContextKey<std::string> kUser{"user"};
  static constexpr ContextKey<std::string> kOtherUser{"user"};  // another key, for all its name
  Context root;
  EXPECT_EQ(root.get(kUser), nullptr);
  root.set(kUser, std::string("root"));
  Context request{root};
  EXPECT_EQ(*request.get(kUser), "root");
  request.set(kUser, std::string("alice"));
  Context query{request};
  EXPECT_EQ(*query.get(kUser), "alice");
  EXPECT_EQ(*root.get(kUser), "root");
  EXPECT_EQ(query.get(kOtherUser), nullptr);
}

TEST(Context, KeepsValuesThatCannotBeCopied) {
  static constexpr ContextKey<std::unique_ptr<int>> kPrize{"prize"};
  Context root;
  root.set(kPrize, std::make_unique<int>(7));
  Context child{root};
  EXPECT_EQ(**child.get(kPrize), 7);
}

// Each child costs the same, however many there are: with a list that is searched this takes minutes.
TEST(Context, HasAHundredThousandChildren) {
  Context root;
  std::deque<Context> children;
  for (int i = 0; i < 100'000; ++i) children.emplace_back(root);
  for (int i = 0; i < 50'000; ++i) children.pop_front();  // the ones in front of the list
  root.cancel();
  for (Context& child : children) ASSERT_TRUE(child.is_cancelled());
}

// As when each fiber of a long pipeline starts the next one in a group of its own. Going down by calls would take a hundred
// times the fiber's stack.
TEST(Context, ReachesTheEndOfALongLineOfDescendants) {
  in_virtual_time([](Context& ctx) {
    struct Line : std::deque<Context> {
      explicit Line(Context& parent) {
        emplace_back(parent);
        while (size() < 100'000) emplace_back(back());
      }
      ~Line() {
        while (!empty()) pop_back();  // children first
      }
    };
    Context root;
    Line cancelled{root};
    Context aside{cancelled[50'000]};
    Result<void> ended;
    TaskGroup group{ctx};
    group.go([&](Context&) { ended = sleep(cancelled.back(), 1h); });
    let_all_park(ctx);
    cancelled[70'000].cancel(Error(Code::kAborted, "a part"));
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(ended.error().code(), Code::kAborted);
    EXPECT_FALSE(cancelled[69'999].is_cancelled());
    root.cancel(Error(Code::kUnavailable, "all"));
    EXPECT_EQ(aside.check().error().code(), Code::kUnavailable);
    EXPECT_EQ(cancelled[69'999].check().error().code(), Code::kUnavailable);
    EXPECT_EQ(cancelled.back().check().error().code(), Code::kAborted);

    Context limited{ctx, 1s};
    Line late{limited};
    EXPECT_EQ(sleep(late.back(), 1h).error().code(), Code::kDeadlineExceeded);
  });
}

// Those of a context in the middle, and what comes after it in its parent's list.
TEST(Context, EndsAllWaitsOfEachDescendant) {
  in_virtual_time([](Context& ctx) {
    Context root, first{root}, second{root};
    int ended = 0;
    TaskGroup group{ctx};
    for (Context* each : {&root, &first, &second, &first, &root, &second})
      group.go([&ended, each](Context&) { ended += sleep(*each, 1h) ? 0 : 1; });
    let_all_park(ctx);
    root.cancel();
    let_all_park(ctx);
    EXPECT_EQ(ended, 6);
  });
}

// One who waits, so that nothing more is needed for him, and one who is about to, in every order.
TEST(ContextStress, EndsTheWaitsOfThoseWhoHaveJustBegun) {
  on_few_and_many_processors([](Context& ctx) {
    for (int round = 0; round < kManyTimes / 100; ++round) {
      Context parent{ctx}, child{parent};
      TaskGroup group{ctx};
      group.go([&](Context&) { static_cast<void>(sleep(child, 1h)); });
      for (Context* each : {&parent, &child}) {
        group.go([each](Context&) { while (sleep(*each, Duration(1))) {} });
        group.go([each](Context&) { while (sleep(*each, 1h)) {} });
      }
      for (int turn = 0; turn < round % 8; ++turn) yield();
      parent.cancel();
      EXPECT_TRUE(group.wait());
    }
  });
}

TEST(ContextDeathTest, OutlivesItsChildren) {
  EXPECT_DEATH(
      {
        auto root = std::make_unique<Context>();
        Context child{*root};
        root.reset();
      },
      "a context outlives its children");
}

// A wait that only the end of its context can end.
struct EndlessWait {
  std::string name;
  std::function<Result<void>(Context&)> wait;
};

Result<void> wait_for_socket(Context& ctx, bool to_read) {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
  SLUICE_TRY(auto mine, Pollable::adopt(ends[0]));
  SLUICE_TRY(auto peer, Pollable::adopt(ends[1]));
  const std::string block(64 * 1024, 'x');
  while (!to_read && ::send(mine->fd(), block.data(), block.size(), 0) > 0) {}
  for (;;)  // it may return early without reason
    SLUICE_TRY(to_read ? mine->wait_readable(ctx) : mine->wait_writable(ctx));
}

Result<void> wait_for_flight(Context& ctx) {
  Singleflight<int, int> flights;
  Context leader_context;
  TaskGroup leader{leader_context};
  leader.go([&](Context& own) {
    auto lead = [&]() -> Result<int> {
      static_cast<void>(sleep(own, Duration::max()));
      return 1;
    };
    static_cast<void>(flights.run(own, 1, lead));
  });
  yield();  // it leads now
  SLUICE_TRY(flights.run(ctx, 1, [] { return Result<int>(2); }));
  return {};
}

// For a lock that another fiber holds for as long as this one waits.
template <class M>
Result<void> wait_for_lock(Context& ctx, Result<void> (M::*lock)(Context&)) {
  M mutex;
  Context holders_context;
  Chan<bool> is_held;
  TaskGroup holder{holders_context};
  holder.go([&](Context& own) {
    std::lock_guard hold(mutex);
    is_held.close();
    static_cast<void>(sleep(own, Duration::max()));
  });
  static_cast<void>(is_held.recv(holders_context));
  return (mutex.*lock)(ctx);
}

const EndlessWait kEndlessWaits[] = {
    {"ChannelSend",
     [](Context& ctx) {
       Chan<int> channel;
       return channel.send(ctx, 1);
     }},
    {"ChannelReceive",
     [](Context& ctx) -> Result<void> {
       Chan<int> channel;
       SLUICE_TRY(channel.recv(ctx));
       return {};
     }},
    {"Select",
     [](Context& ctx) -> Result<void> {
       Chan<int> channel;
       select(ctx, recv(channel), send(channel, 1));
       return ctx.check();
     }},
    {"SelectWithoutChannels",
     [](Context& ctx) -> Result<void> {
       select(ctx, after(Duration::max()));
       return ctx.check();
     }},
    {"Sleep", [](Context& ctx) { return sleep(ctx, Duration::max()); }},
    {"Semaphore",
     [](Context& ctx) {
       Semaphore semaphore{1};
       return semaphore.acquire(ctx, 2);
     }},
    {"WaitGroup",
     [](Context& ctx) {
       WaitGroup group;
       group.add();
       return group.wait(ctx);
     }},
    {"Mutex", [](Context& ctx) { return wait_for_lock<Mutex>(ctx, &Mutex::lock); }},
    {"RwMutexToRead", [](Context& ctx) { return wait_for_lock<RwMutex>(ctx, &RwMutex::lock_shared); }},
    {"RwMutexToWrite", [](Context& ctx) { return wait_for_lock<RwMutex>(ctx, &RwMutex::lock); }},
    {"Cond",
     [](Context& ctx) {
       Mutex mutex;
       Cond cond;
       std::unique_lock hold(mutex);
       return cond.wait(ctx, hold);
     }},
    {"Gate",
     [](Context& ctx) {
       Gate gate;
       auto pass = gate.enter();
       return gate.close(ctx);
     }},
    {"RoomInATaskGroup",
     [](Context& ctx) {
       Context other;
       TaskGroup group{other, {.limit = 1}};
       EXPECT_TRUE(group.try_go([](Context& own) { static_cast<void>(sleep(own, Duration::max())); }));
       return group.go(ctx, [](Context&) { ADD_FAILURE() << "there was no room"; });
     }},
    {"Readable", [](Context& ctx) { return wait_for_socket(ctx, true); }},
    {"Writable", [](Context& ctx) { return wait_for_socket(ctx, false); }},
    {"Singleflight", wait_for_flight},
    {"ForEachOfAChannel",
     [](Context& ctx) {
       Chan<int> channel;
       return for_each(ctx, channel, 1, [](Context&, int) { ADD_FAILURE() << "there is nothing"; });
     }},
    {"WorkerPool",
     [](Context& ctx) {
       Context pools_context;
       auto work = [](Context& own, int) -> Result<int> {
         SLUICE_TRY(sleep(own, Duration::max()));
         return 1;
       };
       WorkerPool<int, int> pool{pools_context, {.workers = 1, .queue = 1}, work};
       auto results = pool.process(ctx, std::vector<int>(4));  // at work, in the queue, before it
       return results.back() ? Result<void>() : fail(std::move(results.back()).error());
     }},
    {"ChildOfATaskGroup",
     [](Context& ctx) {
       TaskGroup group{ctx};
       group.go([](Context& own) { return sleep(own, Duration::max()); });
       return group.wait();
     }},
};

class Cancellation : public ::testing::TestWithParam<EndlessWait> {};

TEST_P(Cancellation, EndsTheWaitWithTheCause) {
  in_virtual_time([](Context& ctx) {
    Context request{ctx};
    Result<void> ended;
    TaskGroup group{ctx};
    group.go([&](Context&) { ended = GetParam().wait(request); });
    let_all_park(ctx);
    request.cancel(Error(Code::kAborted, "the client went away"));
    EXPECT_TRUE(group.wait());
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code(), Code::kAborted);
  });
}

TEST_P(Cancellation, ReachesAFiberThatFollowsItsOwnContext) {
  in_virtual_time([](Context& ctx) {
    TaskGroup group{ctx};
    group.go([&](Context& own) { return GetParam().wait(own); });
    let_all_park(ctx);
    group.context().cancel(Error(Code::kAborted, "the group ends"));
    EXPECT_EQ(group.wait().error().code(), Code::kAborted);
  });
}

TEST_P(Cancellation, ReachesAFiberThatFollowsTheRoot) {
  in_virtual_time([](Context& root) {
    WaitGroup ending;
    ending.add();
    Result<void> ended;
    EXPECT_TRUE(go([&](Context& own) {
      ended = GetParam().wait(own);
      ending.done();
    }));
    let_all_park(root);
    root.cancel(Error(Code::kAborted, "the program ends"));
    Context still;
    EXPECT_TRUE(ending.wait(still));
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code(), Code::kAborted);
  });
}

TEST_P(Cancellation, ByDeadlineEndsTheWait) {
  in_virtual_time([](Context& ctx) {
    Context request{ctx, 5s};
    Context inner{request};
    EXPECT_EQ(GetParam().wait(inner).error().code(), Code::kDeadlineExceeded);
  });
}

TEST_P(Cancellation, ThatCameBeforeLeavesNothingToWaitFor) {
  in_virtual_time([](Context& ctx) {
    Context request{ctx};
    request.cancel(Error(Code::kAborted, "too late"));
    EXPECT_EQ(GetParam().wait(request).error().code(), Code::kAborted);
  });
}

TEST_P(Cancellation, MayComeAtAnyMoment) {
  for (std::size_t processors : {2, 4})
    on_processors(processors, [](Context& ctx) {
      for (int i = 0; i < kManyTimes / 200; ++i) {
        Context request{ctx};
        TaskGroup group{ctx};
        group.go([&](Context&) { static_cast<void>(GetParam().wait(request)); });
        group.go([&](Context&) { request.cancel(); });
        EXPECT_TRUE(group.wait());
      }
    });
}

INSTANTIATE_TEST_SUITE_P(Waits, Cancellation, ::testing::ValuesIn(kEndlessWaits),
                         [](const auto& instance) { return instance.param.name; });

// Blocks of fibers that follow the root go over to others while it ends: those must not be woken.
TEST(ContextStress, TheRootEndsWhileFibersOfOtherContextsTakeTheirPlace) {
  for (int round = 0; round < (kSanitized ? 5 : 50); ++round)
    on_few_and_many_processors([](Context& root) {
      constexpr int kFollowers = 100, kSettlers = 4;
      Context elsewhere;
      WaitGroup ending;
      ending.add(kFollowers);
      std::atomic<int> ended_by_root{0};
      Chan<int> nothing;
      for (int i = 0; i < kFollowers; ++i)
        EXPECT_TRUE(go([&, i](Context& own) {
          if (i % 2 == 0 ? !nothing.recv(own).has_value() : !sleep(own, 1us * i)) ended_by_root.fetch_add(1);
          ending.done();
        }));
      std::atomic<int> settled{0};
      std::atomic<bool> is_over{false};
      TaskGroup settlers{elsewhere};
      for (int i = 0; i < kSettlers; ++i)
        settlers.go([&](Context&) {
          while (!is_over.load()) {
            TaskGroup group{elsewhere};
            for (int k = 0; k < 8; ++k)
              group.go([&](Context& own) -> Result<void> {
                SLUICE_TRY(sleep(own, 10us));
                settled.fetch_add(1);
                return {};
              });
            EXPECT_TRUE(group.wait());
          }
        });
      while (settled.load() < 100) yield();
      root.cancel();
      EXPECT_TRUE(ending.wait(elsewhere));
      EXPECT_GE(ended_by_root.load(), kFollowers / 2);
      is_over = true;
      EXPECT_TRUE(settlers.wait());
    });
}

TEST(ContextStress, ChildrenComeAndGoWhileTheParentEnds) {
  on_few_and_many_processors([](Context& ctx) {
    for (int round = 0; round < kManyTimes / 500; ++round) {
      Context parent{ctx};
      TaskGroup group{ctx};
      std::atomic<int> born_alive{0};
      for (int i = 0; i < 8; ++i)
        group.go([&](Context&) {
          while (true) {
            Context child{parent};
            Context grandchild{child};
            if (child.is_cancelled()) return;
            born_alive.fetch_add(1);
            yield();
          }
        });
      while (born_alive.load() < 8) yield();
      parent.cancel();
      EXPECT_TRUE(group.wait());
    }
  });
}

}  // namespace
}  // namespace sluice
