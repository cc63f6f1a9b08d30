// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/poller.hpp>

#include <chrono>
#include <optional>
#include <thread>

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
