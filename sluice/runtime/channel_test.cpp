// SPDX-License-Identifier: MIT
#include <sluice/runtime/channel.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <ranges>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/many_seeds_test.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;

// Counts how many of it exist.
struct Counted {
  explicit Counted(int& living) : living_(&living) { ++*living_; }
  Counted(Counted&& other) noexcept : living_(other.living_) { ++*living_; }
  Counted& operator=(Counted&&) = delete;
  ~Counted() { --*living_; }

 private:
  int* living_;
};

// As the smart pointers of some libraries.
struct Addressless {
  int number;
  void* operator&() const noexcept { return nullptr; }
};

TEST(Channel, UnbufferedHandsOverInOrder) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel;
    TaskGroup group{ctx};
    group.go([&](Context&) {
      for (int i = 0; i < 10; ++i) channel.send(i);
    });
    for (int i = 0; i < 10; ++i) EXPECT_EQ(channel.recv(), i);
  });
}

TEST(Channel, UnbufferedSenderWaitsUntilItsValueIsTaken) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel;
    bool was_taken = false;
    TaskGroup group{ctx};
    group.go([&](Context&) {
      channel.send(1);
      was_taken = true;
    });
    let_all_park(ctx);
    EXPECT_FALSE(was_taken);
    EXPECT_EQ(channel.recv(), 1);
    let_all_park(ctx);
    EXPECT_TRUE(was_taken);
  });
}

TEST(Channel, BufferedHoldsItsCapacityAndNotOneMore) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel{3};
    int sent = 0;
    TaskGroup group{ctx};
    group.go([&](Context&) {
      for (; sent < 5; ++sent) channel.send(sent);
    });
    let_all_park(ctx);
    EXPECT_EQ(sent, 3);
    EXPECT_EQ(channel.size_approx(), 3U);
    EXPECT_EQ(channel.capacity(), 3U);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(channel.recv(), i);
    EXPECT_EQ(channel.size_approx(), 0U);
  });
}

TEST(Channel, BufferedKeepsTheOrderAcrossManyWraps) {
  in_virtual_time([](Context&) {
    Chan<int> channel{3};
    int sent = 0, received = 0;
    for (int round = 0; round < 100; ++round) {
      for (int i = 0; i < round % 4; ++i) EXPECT_TRUE(channel.send(sent++));
      for (int i = 0; i < round % 4; ++i) EXPECT_EQ(channel.recv(), received++);
    }
    EXPECT_EQ(sent, received);
  });
}

TEST(Channel, ServesReceiversFirstComeFirstServed) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel;
    std::array<int, 5> got{};
    TaskGroup group{ctx};
    for (int& mine : got) {
      group.go([&](Context&) { mine = *channel.recv(); });
      let_all_park(ctx);
    }
    for (int i = 0; i < 5; ++i) channel.send(i);
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(got, (std::array{0, 1, 2, 3, 4}));
  });
}

TEST(Channel, ServesSendersFirstComeFirstServed) {
  in_virtual_time([](Context& ctx) {
    for (std::size_t capacity : {0, 2}) {
      Chan<int> channel{capacity};
      TaskGroup group{ctx};
      for (int i = 0; i < 5; ++i) {
        group.go([&, i](Context&) { channel.send(i); });
        let_all_park(ctx);
      }
      for (int i = 0; i < 5; ++i) EXPECT_EQ(channel.recv(), i);
    }
  });
}

TEST(Channel, WhatIsInsideCanBeReceivedAfterClose) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel{2};
    channel.send(1);
    channel.send(2);
    channel.close();
    EXPECT_EQ(channel.recv(), 1);
    EXPECT_EQ(*channel.recv(ctx), 2);
    EXPECT_EQ(*channel.recv(ctx), std::nullopt);
    EXPECT_EQ(channel.recv(), std::nullopt);
    EXPECT_EQ(channel.try_recv(), std::nullopt);
  });
}

TEST(Channel, CloseWakesAllReceivers) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel;
    int woken = 0;
    TaskGroup group{ctx};
    for (int i = 0; i < 3; ++i)
      group.go([&](Context& own) {
        EXPECT_EQ(*channel.recv(own), std::nullopt);
        ++woken;
      });
    let_all_park(ctx);
    channel.close();
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(woken, 3);
  });
}

TEST(Channel, RangeForEndsWhenClosedAndEmpty) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel{1};
    TaskGroup group{ctx};
    group.go([&](Context&) {
      for (int i = 0; i < 10; ++i) channel.send(i);
      channel.close();
    });
    int next = 0;
    for (int value : channel) EXPECT_EQ(value, next++);
    EXPECT_EQ(next, 10);
  });
}

TEST(Channel, RangeForEndsWithTheFibersContext) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel;
    TaskGroup group{ctx};
    bool has_left = false;
    group.go([&](Context&) {
      for ([[maybe_unused]] int value : channel) ADD_FAILURE() << "nobody sends";
      has_left = true;
    });
    let_all_park(ctx);
    group.context().cancel();
    EXPECT_TRUE(group.wait());
    EXPECT_TRUE(has_left);
  });
}

TEST(Channel, WaitingSendReturnsTheCauseAndSendsNothing) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel;
    Context request{ctx, 1s};
    auto sent = channel.send(request, 1);
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code(), Code::kDeadlineExceeded);
    EXPECT_EQ(channel.try_recv(), std::nullopt);
  });
}

TEST(Channel, WaitingReceiveReturnsTheCause) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel;
    Context request{ctx};
    TaskGroup group{ctx};
    group.go([&](Context&) { request.cancel(Error(Code::kAborted, "the client went away")); });
    auto received = channel.recv(request);
    ASSERT_FALSE(received);
    EXPECT_EQ(received.error().code(), Code::kAborted);
    // It is out of the queue: the next value is for the next receiver.
    int value = 1;
    EXPECT_FALSE(channel.try_send(value));
  });
}

TEST(Channel, EndedContextIsNoticedBeforeAnythingMoves) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel{2};
    channel.send(1);
    Context request{ctx};
    request.cancel();
    EXPECT_FALSE(channel.send(request, 2));
    EXPECT_FALSE(channel.recv(request));
    EXPECT_EQ(channel.size_approx(), 1U);
  });
}

TEST(Channel, FormsWithoutContextFollowTheOneTheFiberWasStartedWith) {
  in_virtual_time([](Context& ctx) {
    Chan<int> empty, full;
    TaskGroup group{ctx};
    group.go([&](Context&) { EXPECT_FALSE(full.send(1)); });
    group.go([&](Context&) { EXPECT_EQ(empty.recv(), std::nullopt); });
    let_all_park(ctx);
    group.context().cancel();
    EXPECT_TRUE(group.wait());
  });
}

TEST(Channel, PassesOverAWaiterWhoseContextHasEnded) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel;
    Context impatient{ctx};
    int got = 0;
    TaskGroup group{ctx};
    group.go([&](Context&) { EXPECT_FALSE(channel.recv(impatient)); });
    let_all_park(ctx);
    group.go([&](Context&) { got = *channel.recv(); });
    let_all_park(ctx);
    impatient.cancel();  // it has not run since, so it is still in the queue
    int value = 7;
    EXPECT_TRUE(channel.try_send(value));
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(got, 7);
  });
}

TEST(Channel, CanBeClosedWhileACancelledSenderIsStillInItsQueue) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel;
    Context impatient{ctx};
    TaskGroup group{ctx};
    group.go([&](Context&) { EXPECT_FALSE(channel.send(impatient, 1)); });
    let_all_park(ctx);
    impatient.cancel();
    channel.close();
    EXPECT_TRUE(group.wait());
  });
}

TEST(Channel, TrySendLeavesTheValueAloneWhenItWouldWait) {
  in_virtual_time([](Context&) {
    Chan<std::unique_ptr<int>> channel{1};
    auto value = std::make_unique<int>(1);
    EXPECT_TRUE(channel.try_send(value));
    value = std::make_unique<int>(2);
    EXPECT_FALSE(channel.try_send(value));
    ASSERT_NE(value, nullptr);
    EXPECT_EQ(**channel.try_recv(), 1);
    EXPECT_EQ(channel.try_recv(), std::nullopt);
  });
}

TEST(Channel, CarriesMoveOnlyValuesOnEveryWay) {
  in_virtual_time([](Context& ctx) {
    for (std::size_t capacity : {0, 1}) {
      Chan<std::unique_ptr<int>> channel{capacity};
      TaskGroup group{ctx};
      group.go([&](Context&) {
        for (int i = 0; i < 4; ++i) channel.send(std::make_unique<int>(i));
        channel.close();
      });
      int next = 0;
      for (std::unique_ptr<int>& value : channel) EXPECT_EQ(*value, next++);
      EXPECT_EQ(next, 4);
    }
  });
}

TEST(Channel, RangeForTakesWhatCannotBeAssigned) {
  struct Fixed {
    const int number;
  };
  in_virtual_time([](Context&) {
    Chan<Fixed> channel{3};
    for (int i = 0; i < 3; ++i) channel.send(Fixed{i});
    channel.close();
    int next = 0;
    for (const Fixed& value : channel) EXPECT_EQ(value.number, next++);
    EXPECT_EQ(next, 3);
  });
}

TEST(Channel, SendsAValueWhoseAddressIsNotItsOperators) {
  in_virtual_time([](Context& ctx) {
    Chan<Addressless> channel{3};
    Addressless third{3};
    EXPECT_TRUE(channel.send(Addressless{1}));
    EXPECT_TRUE(channel.send(ctx, Addressless{2}));
    EXPECT_TRUE(channel.try_send(third));
    EXPECT_EQ(channel.recv()->number, 1);
    EXPECT_EQ((*channel.recv(ctx))->number, 2);
    EXPECT_EQ(channel.try_recv()->number, 3);
  });
}

TEST(Channel, AlignsItsElements) {
  struct alignas(128) Wide {
    int value = 0;
  };
  in_virtual_time([](Context&) {
    Chan<Wide> channel{3};
    for (int i = 0; i < 3; ++i) channel.send({i});
    for (int i = 0; i < 3; ++i) {
      std::optional<Wide> wide = channel.recv();
      EXPECT_EQ(wide->value, i);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&*wide) % 128, 0U);
    }
  });
}

TEST(Channel, DestroysEachElementOnceWhetherSentReceivedOrLeftInside) {
  int living = 0;
  in_virtual_time([&](Context& ctx) {
    Chan<Counted> channel{2};
    TaskGroup group{ctx};
    Context impatient{ctx};
    for (int i = 0; i < 3; ++i) group.go([&](Context&) { channel.send(Counted(living)); });
    let_all_park(ctx);
    group.go([&](Context&) { EXPECT_FALSE(channel.send(impatient, Counted(living))); });
    let_all_park(ctx);
    impatient.cancel();
    EXPECT_TRUE(channel.recv());
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(living, 2);  // inside
  });
  EXPECT_EQ(living, 0);
}

TEST(ChannelDeathTest, SendingAfterCloseIsABug) {
  EXPECT_DEATH(in_virtual_time([](Context&) {
                 Chan<int> channel{1};
                 channel.close();
                 channel.send(1);
               }),
               "nobody sends to a closed channel");
}

TEST(ChannelDeathTest, ClosingUnderAWaitingSenderIsABug) {
  EXPECT_DEATH(in_virtual_time([](Context& ctx) {
                 Chan<int> channel;
                 TaskGroup group{ctx};
                 group.go([&](Context&) { channel.send(1); });
                 let_all_park(ctx);
                 channel.close();
               }),
               "nobody closes a channel while somebody sends");
}

// Every value arrives at exactly one receiver, whatever the capacity and however many take part.
void expect_exactly_once(Context& ctx, std::size_t capacity, int senders, int receivers) {
  const int each = kManyTimes / 4 / senders;
  Chan<int> channel{capacity};
  std::vector<std::atomic<int>> seen(static_cast<std::size_t>(senders * each));
  TaskGroup receiving{ctx};
  for (int r = 0; r < receivers; ++r)
    receiving.go([&](Context&) {
      for (int value : channel) seen[static_cast<std::size_t>(value)].fetch_add(1);
    });
  {
    TaskGroup sending{ctx};
    for (int s = 0; s < senders; ++s)
      sending.go([&, s](Context&) {
        for (int i = 0; i < each; ++i) channel.send(s * each + i);
      });
    EXPECT_TRUE(sending.wait());
  }
  channel.close();
  EXPECT_TRUE(receiving.wait());
  for (const std::atomic<int>& count : seen) ASSERT_EQ(count.load(), 1);
}

TEST(ChannelStress, EachValueArrivesOnce) {
  on_few_and_many_processors([](Context& ctx) {
    for (std::size_t capacity : {0, 1, 128})
      for (int parties : {1, 4, 50}) expect_exactly_once(ctx, capacity, parties, parties);
    expect_exactly_once(ctx, 3, 1, 20);
    expect_exactly_once(ctx, 3, 20, 1);
  });
}

TEST(ChannelStress, CancelledSendersAndReceiversLoseNothing) {
  on_few_and_many_processors([](Context& ctx) {
    Chan<int> channel{1};
    std::atomic<std::int64_t> sent{0}, received{0};
    TaskGroup group{ctx};
    for (int party = 0; party < 4; ++party) {
      group.go([&](Context& own) {
        for (int i = 0; i < kManyTimes / 20; ++i) {
          Context request{own};
          TaskGroup canceller{own};
          canceller.go([&](Context&) { request.cancel(); });
          if (channel.send(request, 1)) sent.fetch_add(1);
        }
      });
      group.go([&](Context& own) {
        for (int i = 0; i < kManyTimes / 20; ++i) {
          Context request{own};
          TaskGroup canceller{own};
          canceller.go([&](Context&) { request.cancel(); });
          if (channel.recv(request)) received.fetch_add(1);
        }
      });
    }
    EXPECT_TRUE(group.wait());
    while (channel.try_recv()) received.fetch_add(1);
    EXPECT_EQ(sent.load(), received.load());
  });
}

TEST(Channel, IsARangeThatIsReadOnce) {
  static_assert(std::ranges::input_range<Chan<int>&>);
  static_assert(!std::ranges::forward_range<Chan<int>&>);
  in_virtual_time([](Context&) {
    Chan<int> channel{5};
    for (int i = 1; i <= 5; ++i) channel.send(i);
    channel.close();
    int sum = 0;
    for (int square : channel | std::views::transform([](int number) { return number * number; })) sum += square;
    EXPECT_EQ(sum, 55);
  });
}

// Each value that was sent comes out once, no other one does, and no more than the capacity stay inside.
TEST(ChannelProperty, IsAQueueWithABound) {
  over_many_seeds([](Context& ctx, Chance& chance) {
    const std::size_t capacity = chance.below(4);
    Chan<int> channel{capacity};
    std::deque<int> begun;  // sends that have begun, whose values have not been received
    std::size_t sent = 0, received = 0;
    int next = 0;
    bool is_closed = false;
    auto take_out = [&](int value) {
      auto at = std::ranges::find(begun, value);
      ASSERT_NE(at, begun.end()) << value << " came twice, or never was sent";
      begun.erase(at);
    };
    auto send_some = [&](Context& own) {
      for (int step = 0; step < 20; ++step) {
        chance.wander();
        int value = next++;
        begun.push_back(value);
        Context request{own, chance.one_in(3) ? Duration(chance.below(6)) : Duration::max()};
        bool was_sent = chance.one_in(4) ? channel.try_send(value) : channel.send(request, value).has_value();
        if (was_sent) {
          ++sent;
        } else {
          take_out(value);
        }
      }
    };
    auto receive_all = [&](Context& own) {
      for (;;) {
        chance.wander();
        Context request{own, chance.one_in(3) ? Duration(chance.below(6)) : Duration::max()};
        auto value = chance.one_in(4) ? Result<std::optional<int>>(channel.try_recv()) : channel.recv(request);
        if (value && *value) {
          ++received;
          take_out(**value);
        } else if (is_closed && value) {  // not if it is only that its context has ended
          return;
        }
        EXPECT_LE(channel.size_approx(), capacity);
      }
    };
    TaskGroup senders{ctx}, receivers{ctx};
    for (int i = 0; i < 3; ++i) senders.go(send_some);
    for (int i = 0; i < 3; ++i) receivers.go(receive_all);
    EXPECT_TRUE(senders.wait());
    channel.close();
    is_closed = true;
    EXPECT_TRUE(receivers.wait());
    EXPECT_EQ(received, sent);
    EXPECT_TRUE(begun.empty());
  });
}

// One receiver sees the order: that in which the sends began.
TEST(ChannelProperty, KeepsTheOrderInWhichSendsBegan) {
  over_many_seeds([](Context& ctx, Chance& chance) {
    Chan<int> channel{chance.below(4)};
    int next = 0, sent = 0, received = 0;
    TaskGroup senders{ctx}, receiver{ctx};
    for (int i = 0; i < 4; ++i)
      senders.go([&](Context& own) {
        for (int step = 0; step < 10; ++step) {
          chance.wander();
          Context request{own, chance.one_in(3) ? Duration(chance.below(6)) : Duration::max()};
          if (channel.send(request, next++)) ++sent;
        }
      });
    receiver.go([&](Context&) {
      int last = -1;
      while (auto value = channel.recv()) {
        EXPECT_GT(*value, last);
        last = *value;
        ++received;
        chance.wander();
      }
    });
    EXPECT_TRUE(senders.wait());
    channel.close();
    EXPECT_TRUE(receiver.wait());
    EXPECT_EQ(received, sent);
  });
}

}  // namespace
}  // namespace sluice
