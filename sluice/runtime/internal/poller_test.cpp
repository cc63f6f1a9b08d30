// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/poller.hpp>

#include <array>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace sluice::internal {
namespace {

using namespace std::chrono_literals;

std::size_t poll(Poller& poller, std::optional<Duration> timeout) {
  Wakeups nobody;
  return poller.poll(timeout, nobody);
}

TEST(Poller, AnInterruptEndsTheNextPollThatWouldWait) {
  Poller poller;
  poller.interrupt();
  poller.interrupt();
  EXPECT_EQ(poll(poller, std::nullopt), 1U);
  EXPECT_EQ(poll(poller, 1ns), 0U);  // both are used up
}

TEST(Poller, AnInterruptEndsAPollThatWaits) {
  Poller poller;
  std::thread interrupter([&] { poller.interrupt(); });
  EXPECT_EQ(poll(poller, std::nullopt), 1U);
  interrupter.join();
}

// A thief that looks for somebody else's input must not take away what that one is waiting for.
TEST(Poller, AnInterruptIsNotUsedUpByOneWhoOnlyLooks) {
  Poller poller;
  poller.interrupt();
  for (int i = 0; i < 3; ++i) poll(poller, 0ns);
  EXPECT_EQ(poll(poller, std::nullopt), 1U);
}

// A relief sleeps in its own poller, and must wake for the sockets of who is hogged.
TEST(Poller, InputOfOneThatItWatchesEndsAPollOnceForEachTimeItComes) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK), 0);
  PollEntry entry;
  entry.fd = pipe[0];
  Poller hogged, relief;
  ASSERT_TRUE(hogged.add(entry));
  hogged.interrupt();  // still owed to its owner: nothing of ours
  ASSERT_TRUE(relief.watch(hogged));
  poll(relief, 0ns);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(::write(pipe[1], "x", 1), 1);
    EXPECT_EQ(poll(relief, std::nullopt), 1U);
    EXPECT_EQ(poll(relief, 1ns), 0U);
    EXPECT_EQ(poll(hogged, 0ns), 2U);  // the byte is there to be fetched, and the interrupt as well
    EXPECT_TRUE(std::exchange(entry.readable.ready, false));
  }
  relief.unwatch(hogged);
  EXPECT_EQ(::write(pipe[1], "x", 1), 1);
  EXPECT_EQ(poll(relief, 1ns), 0U);
  for (int end : pipe) ::close(end);
}

TEST(PollEntryPool, UsesAnEntryAgain) {
  PollEntryPool pool;
  PollEntry* first = pool.take(5);
  PollEntry* second = pool.take(6);
  EXPECT_NE(first, second);
  first->readable.ready = true;
  pool.put(first);
  PollEntry* again = pool.take(7);
  EXPECT_EQ(again, first);
  EXPECT_EQ(again->fd, 7);
  EXPECT_FALSE(again->readable.ready);
}

}  // namespace
}  // namespace sluice::internal
