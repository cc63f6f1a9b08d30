// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/witness.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/cond.hpp>
#include <sluice/runtime/fiber_test.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/pollable.hpp>
#include <sluice/runtime/rw_mutex.hpp>
#include <sluice/runtime/select.hpp>
#include <sluice/runtime/wait_group.hpp>

// Not in sluice::internal, whose functions a report leaves out.
namespace sluice {
namespace {

// What follows the call in each keeps it from being a jump, which would leave no frame behind.
[[gnu::noinline]] void do_it_first(const std::function<void()>& what) {
  what();
  asm volatile("# not the same function as the next one");
}
[[gnu::noinline]] void do_it_again(const std::function<void()>& what) {
  what();
  asm volatile("# nor as this");
}

// Two fibers, one after the other.
void in_two_fibers(const std::function<void()>& first, const std::function<void()>& second) {
  in_virtual_time([&](Context& ctx) {
    TaskGroup group{ctx};
    group.go([&](Context&) { do_it_first(first); });
    let_all_park(ctx);
    group.go([&](Context&) { do_it_again(second); });
    let_all_park(ctx);
  });
}

// Without checks the report has only the second stack, and says how to get the first.
std::string both_stacks(const std::string& promise, const std::string& earlier) {
  std::string first = internal::kChecked ? earlier + ", by fiber [0-9]+:.*do_it_first" : "-DSLUICE_CHECKS=ON tells";
  return promise + ".*" + first + ".*this is done, by fiber [0-9]+:.*do_it_again";
}

TEST(WitnessDeathTest, SendingToAClosedChannelTellsWhoClosedIt) {
  auto send_after_close = [] {
    Chan<int> channel{1};
    in_two_fibers([&] { channel.close(); }, [&] { channel.send(1); });
  };
  EXPECT_DEATH(send_after_close(), both_stacks("nobody sends to a closed channel", "it was closed"));
}

TEST(WitnessDeathTest, SelectingToSendToAClosedChannelTellsWhoClosedIt) {
  auto select_after_close = [] {
    Chan<int> channel{1};
    in_two_fibers([&] { channel.close(); }, [&] {
      Context alone;
      select(alone, send(channel, 1));
    });
  };
  EXPECT_DEATH(select_after_close(), both_stacks("nobody sends to a closed channel", "it was closed"));
}

TEST(WitnessDeathTest, ClosingAClosedChannelTellsWhoClosedIt) {
  auto close_twice = [] {
    Chan<int> channel;
    in_two_fibers([&] { channel.close(); }, [&] { channel.close(); });
  };
  EXPECT_DEATH(close_twice(), both_stacks("a channel is closed once", "it was closed"));
}

TEST(WitnessDeathTest, DoneTooOftenTellsWhoWasDoneLast) {
  auto be_done_twice = [] {
    WaitGroup pending;
    pending.add();
    in_two_fibers([&] { pending.done(); }, [&] { pending.done(); });
  };
  EXPECT_DEATH(be_done_twice(), both_stacks("once for each that was added", "it was done for the last time"));
}

TEST(WitnessDeathTest, UnlockingAFreeMutexTellsWhoUnlockedItLast) {
  auto unlock_twice = [](auto& mutex) {
    in_two_fibers([&] { std::lock_guard hold(mutex); }, [&] { mutex.unlock(); });
  };
  Mutex mutex;
  RwMutex rw_mutex;
  EXPECT_DEATH(unlock_twice(mutex), both_stacks("a mutex is unlocked by its holder", "it was last unlocked"));
  EXPECT_DEATH(unlock_twice(rw_mutex), both_stacks("an rw mutex is unlocked by its writer", "it was last unlocked"));
}

TEST(WitnessDeathTest, UnlockingForReadingWhatIsLockedForWritingTellsWhoLockedIt) {
  auto unlock_otherwise = [] {
    RwMutex mutex;
    in_virtual_time([&](Context&) {
      do_it_first([&] { mutex.lock(); });
      do_it_again([&] { mutex.unlock_shared(); });
    });
  };
  EXPECT_DEATH(unlock_otherwise(), both_stacks("unlocked by one of its readers", "it was locked"));
}

// Who waits stands where it waits, and can be looked at in every build.
std::string waits_and_here(const std::string& promise) {
  return promise + ".*it waits, by fiber [0-9]+:.*do_it_first.*this is done, by fiber [0-9]+:.*do_it_again";
}

TEST(WitnessDeathTest, ClosingUnderASenderTellsWhoSends) {
  Chan<int> channel;
  auto close_too_early = [&](const std::function<void()>& wait) { in_two_fibers(wait, [&] { channel.close(); }); };
  std::string both = waits_and_here("nobody closes a channel while somebody sends to it");
  EXPECT_DEATH(close_too_early([&] { channel.send(1); }), both);
  EXPECT_DEATH(close_too_early([&] {
                 Context alone;
                 Chan<int> other;
                 select(alone, recv(other), send(channel, 1));
               }),
               both);
}

TEST(WitnessDeathTest, DestroyingWhatSomebodyWaitsForTellsWhoWaits) {
  auto die_too_early = [](auto waited_for, auto wait) {
    in_two_fibers([&, at = waited_for.get()] { wait(*at); }, [&] { waited_for.reset(); });
  };
  auto receive = [](Chan<int>& channel) { channel.recv(); };
  auto send_one = [](Chan<int>& channel) { channel.send(1); };
  std::string both = waits_and_here("a channel outlives the operations on it");
  EXPECT_DEATH(die_too_early(std::make_unique<Chan<int>>(), receive), both);
  EXPECT_DEATH(die_too_early(std::make_unique<Chan<int>>(), send_one), both);
  auto wait_for_cond = [](Cond& cond) {
    Mutex mutex;
    Context alone;
    std::unique_lock hold(mutex);
    static_cast<void>(cond.wait(alone, hold));
  };
  EXPECT_DEATH(die_too_early(std::make_unique<Cond>(), wait_for_cond), waits_and_here("a cond outlives those who wait"));
}

TEST(WitnessDeathTest, WaitingWithTwoMutexesTellsWhoHasTheOther) {
  Cond cond;
  auto wait_with_own = [&] {
    Mutex mutex;
    Context alone;
    std::unique_lock hold(mutex);
    static_cast<void>(cond.wait(alone, hold));
  };
  EXPECT_DEATH(in_two_fibers(wait_with_own, wait_with_own), waits_and_here("all who wait for a cond hold the same mutex"));
}

TEST(WitnessDeathTest, WaitingForADescriptorThatAnotherWaitsForTellsWho) {
  auto read_both = [] {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    std::unique_ptr<Pollable> input;
    auto read = [&] {
      Context alone;
      if (input == nullptr) input = std::move(*Pollable::adopt(ends[0]));
      static_cast<void>(input->wait_readable(alone));
    };
    in_two_fibers(read, read);
  };
  EXPECT_DEATH(read_both(), waits_and_here("one fiber at a time waits for one direction"));
}

// A build without checks pays nothing, not even room.
using internal::BiasedLock;
using internal::kChecked;
using internal::WaitQueue;
static_assert(kChecked || sizeof(WaitGroup) == sizeof(BiasedLock) + sizeof(std::size_t) + sizeof(WaitQueue));
static_assert(kChecked || sizeof(Mutex) == sizeof(BiasedLock) + sizeof(void*) + sizeof(WaitQueue));
static_assert(kChecked || sizeof(RwMutex) == sizeof(BiasedLock) + sizeof(void*) + 2 * sizeof(WaitQueue));

}  // namespace
}  // namespace sluice
