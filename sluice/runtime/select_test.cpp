// SPDX-License-Identifier: MIT
#include <sluice/runtime/select.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/many_seeds_test.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;

// As the smart pointers of some libraries.
struct Addressless {
  int number;
  void* operator&() const noexcept { return nullptr; }
};

TEST(Select, TakesTheCaseThatIsReady) {
  in_virtual_time([](Context& ctx) {
    Chan<int> empty, ready{1};
    ready.send(7);
    auto [index, value] = select(ctx, recv(empty), recv(ready));
    EXPECT_EQ(index, 1U);
    EXPECT_EQ(value, 7);
  });
}

TEST(Select, ParksUntilAValueComes) {
  in_virtual_time([](Context& ctx) {
    Chan<int> first, second;
    TaskGroup group{ctx};
    group.go([&](Context&) { second.send(7); });
    auto [index, value] = select(ctx, recv(first), recv(second));
    EXPECT_EQ(index, 1U);
    EXPECT_EQ(value, 7);
  });
}

TEST(Select, SendsToAWaitingReceiverAndIntoRoom) {
  in_virtual_time([](Context& ctx) {
    Chan<int> full, room{1};
    auto chosen = select(ctx, send(full, 1), send(room, 2));
    EXPECT_EQ(chosen.index, 1U);
    EXPECT_EQ(room.recv(), 2);

    TaskGroup group{ctx};
    group.go([&](Context&) { EXPECT_EQ(full.recv(), 3); });
    let_all_park(ctx);
    EXPECT_EQ(select(ctx, send(full, 3)).index, 0U);
  });
}

TEST(Select, ParksUntilItsValueIsTaken) {
  in_virtual_time([](Context& ctx) {
    Chan<std::unique_ptr<int>> first, second;
    TaskGroup group{ctx};
    group.go([&](Context&) { EXPECT_EQ(**second.recv(), 2); });
    auto chosen = select(ctx, send(first, std::make_unique<int>(1)), send(second, std::make_unique<int>(2)));
    EXPECT_EQ(chosen.index, 1U);
    EXPECT_EQ(first.try_recv(), std::nullopt);
  });
}

TEST(Select, ReceivesNothingFromAClosedChannel) {
  in_virtual_time([](Context& ctx) {
    Chan<int> open, closed;
    closed.close();
    auto [index, value] = select(ctx, recv(open), recv(closed));
    EXPECT_EQ(index, 1U);
    EXPECT_EQ(value, std::nullopt);
  });
}

TEST(Select, IsWokenByClose) {
  in_virtual_time([](Context& ctx) {
    Chan<int> first, second;
    TaskGroup group{ctx};
    group.go([&](Context&) { second.close(); });
    auto [index, value] = select(ctx, recv(first), recv(second));
    EXPECT_EQ(index, 1U);
    EXPECT_EQ(value, std::nullopt);
  });
}

TEST(Select, AfterIsReadyAfterThatLongAndNotBefore) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel;
    Instant begin = runtime_clock().now();
    auto [index, value] = select(ctx, recv(channel), after(10s), after(3s));
    EXPECT_EQ(index, 2U);
    EXPECT_EQ(value, std::nullopt);
    EXPECT_EQ(runtime_clock().now() - begin, 3s);
  });
}

TEST(Select, AfterNothingIsReadyAtOnce) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel;
    EXPECT_EQ(select(ctx, recv(channel), after(0s)).index, 1U);
    EXPECT_EQ(select(ctx, recv(channel), after(-1s)).index, 1U);
  });
}

TEST(Select, OtherwiseIsChosenOnlyWhenNothingElseIsReady) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel{1};
    EXPECT_EQ(select(ctx, otherwise(), recv(channel)).index, 0U);
    channel.send(1);
    auto [index, value] = select(ctx, otherwise(), recv(channel));
    EXPECT_EQ(index, 1U);
    EXPECT_EQ(value, 1);
    EXPECT_EQ(select(ctx, otherwise()).index, 0U);
  });
}

TEST(Select, EndsWithItsContext) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel;
    Context request{ctx, 1s};
    Instant begin = runtime_clock().now();
    EXPECT_EQ(select(request, recv(channel), after(1h)).index, kContextEnded);
    EXPECT_EQ(runtime_clock().now() - begin, 1s);
  });
}

TEST(Select, EndedContextComesBeforeAReadyCase) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel{1};
    channel.send(1);
    Context request{ctx};
    request.cancel();
    EXPECT_EQ(select(request, recv(channel), otherwise()).index, kContextEnded);
    EXPECT_EQ(channel.size_approx(), 1U);
  });
}

TEST(Select, GivesAVariantForSeveralTypes) {
  in_virtual_time([](Context& ctx) {
    Chan<int> numbers{1};
    Chan<std::string> words{1};
    words.send("seven");
    auto chosen = select(ctx, recv(numbers), recv(words), recv(numbers));
    EXPECT_EQ(chosen.index, 1U);
    EXPECT_EQ(std::get<std::string>(chosen.value), "seven");
    words.close();
    EXPECT_EQ(select(ctx, recv(numbers), recv(words)).value.index(), 0U);
  });
}

// Go's chan struct{}: a signal that may come, or be a close.
TEST(Select, TellsASignalWithoutAValueFromNothing) {
  in_virtual_time([](Context& ctx) {
    Chan<std::monostate> signals{1};
    Chan<int> numbers{1};
    signals.send({});
    auto signalled = select(ctx, recv(signals), recv(numbers));
    EXPECT_EQ(signalled.index, 0U);
    EXPECT_EQ(signalled.value.index(), 1U);
    numbers.send(7);
    auto counted = select(ctx, recv(signals), recv(numbers));
    EXPECT_EQ(counted.index, 1U);
    EXPECT_EQ(std::get<int>(counted.value), 7);
    signals.close();
    auto closed = select(ctx, recv(numbers), recv(signals));
    EXPECT_EQ(closed.index, 1U);
    EXPECT_EQ(closed.value.index(), 0U);
    EXPECT_EQ(select(ctx, recv(signals), after(1s)).value, std::nullopt);
  });
}

TEST(Select, CarriesWhatCannotBeAssigned) {
  struct Fixed {
    const int number;
  };
  in_virtual_time([](Context& ctx) {
    Chan<Fixed> fixed{1};
    Chan<int> numbers;
    EXPECT_EQ(select(ctx, send(fixed, Fixed{1})).index, 0U);
    EXPECT_EQ(select(ctx, recv(fixed)).value->number, 1);
    fixed.send(Fixed{2});
    EXPECT_EQ(std::get<Fixed>(select(ctx, recv(numbers), recv(fixed)).value).number, 2);
  });
}

TEST(Select, SendsAValueWhoseAddressIsNotItsOperators) {
  in_virtual_time([](Context& ctx) {
    Chan<Addressless> channel{1};
    EXPECT_EQ(select(ctx, send(channel, Addressless{7})).index, 0U);
    EXPECT_EQ(select(ctx, recv(channel)).value->number, 7);
  });
}

TEST(Select, NeverMeetsItselfOnAChannelThatItUsesBothWays) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel;
    EXPECT_EQ(select(ctx, recv(channel), send(channel, 1), after(1s)).index, 2U);

    TaskGroup group{ctx};
    group.go([&](Context&) { channel.send(5); });
    auto received = select(ctx, recv(channel), send(channel, 1));
    EXPECT_EQ(received.index, 0U);
    EXPECT_EQ(received.value, 5);

    group.go([&](Context&) { EXPECT_EQ(channel.recv(), 6); });
    EXPECT_EQ(select(ctx, recv(channel), send(channel, 6)).index, 1U);
  });
}

TEST(Select, MayNameOneChannelTwice) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel;
    for (int i = 0; i < 10; ++i) {
      TaskGroup group{ctx};
      group.go([&](Context&) { channel.send(i); });
      auto chosen = select(ctx, recv(channel), recv(channel));
      EXPECT_EQ(chosen.value, i);
    }
    int value = 0;
    EXPECT_FALSE(channel.try_send(value));  // nobody is left in the queue
  });
}

TEST(Select, LeavesEveryOtherQueueWhenItIsDone) {
  in_virtual_time([](Context& ctx) {
    Chan<int> first, second, third;
    TaskGroup group{ctx};
    group.go([&](Context&) { second.send(1); });
    EXPECT_EQ(select(ctx, recv(first), recv(second), send(third, 1)).index, 1U);
    int value = 0;
    EXPECT_FALSE(first.try_send(value));
    EXPECT_EQ(third.try_recv(), std::nullopt);
  });
}

TEST(Select, ChoosesEvenlyAmongReadyCases) {
  in_virtual_time([](Context& ctx) {
    std::array<Chan<int>, 3> channels{Chan<int>{1}, Chan<int>{1}, Chan<int>{1}};
    std::array<int, 3> chosen{};
    constexpr int kRounds = 30'000;
    for (Chan<int>& channel : channels) channel.send(0);
    for (int round = 0; round < kRounds; ++round) {
      std::size_t index = select(ctx, recv(channels[0]), recv(channels[1]), recv(channels[2])).index;
      ++chosen[index];
      channels[index].send(0);
    }
    // The standard deviation is 82: six of them are out of reach by chance.
    for (int count : chosen) EXPECT_NEAR(count, kRounds / 3, 500);
  });
}

TEST(Select, ACaseWithoutAChannelIsNeverReady) {
  in_virtual_time([](Context& ctx) {
    Chan<int>* none = nullptr;
    Chan<int> room{1};
    EXPECT_EQ(select(ctx, recv(none), send(none, 1), otherwise()).index, 2U);
    EXPECT_EQ(select(ctx, recv(none), send(&room, 7), send(none, 1)).index, 1U);
    auto chosen = select(ctx, recv(none), recv(&room));
    EXPECT_EQ(chosen.index, 1U);
    EXPECT_EQ(chosen.value, 7);
    EXPECT_EQ(select(ctx, recv(none), after(1s)).index, 1U);
    Context request{ctx, 1s};
    EXPECT_EQ(select(request, recv(none), send(none, 1)).index, kContextEnded);
  });
}

TEST(Select, WithoutCasesWaitsForTheEndOfItsContext) {
  in_virtual_time([](Context& ctx) {
    Context request{ctx, 5s};
    Instant begin = runtime_clock().now();
    EXPECT_EQ(select(request).index, kContextEnded);
    EXPECT_EQ(runtime_clock().now() - begin, 5s);
  });
}

// A loop gives its channel up when that is closed, and goes on with the other one: in Go, by making it nil.
TEST(Select, MergesTwoChannelsUntilBothAreClosed) {
  in_virtual_time([](Context& ctx) {
    Chan<int> first, second;
    TaskGroup group{ctx};
    auto count_to = [&](Chan<int>& channel, int last, Duration step) {
      group.go([&, last, step](Context& own) {
        for (int i = 1; i <= last; ++i) {
          static_cast<void>(sleep(own, step));
          channel.send(i);
        }
        channel.close();
      });
    };
    count_to(first, 3, 2s);
    count_to(second, 5, 3s);
    int sum = 0;
    for (Chan<int>*left = &first, *right = &second; left != nullptr || right != nullptr;) {
      auto [index, value] = select(ctx, recv(left), recv(right));
      if (value) {
        sum += *value;
      } else {
        (index == 0 ? left : right) = nullptr;
      }
    }
    EXPECT_EQ(sum, 6 + 15);
  });
}

TEST(Select, ADeadlineIsTheSameForAllSelectsOfALoop) {
  in_virtual_time([](Context& ctx) {
    Chan<int> channel;
    Context ends{ctx, 1h};
    TaskGroup group{ends};
    group.go([&](Context& own) {
      while (sleep(own, 2s)) channel.send(1);
    });
    Instant begin = runtime_clock().now();
    auto timeout = after(Deadline(begin + 5s));
    int received = 0;
    while (select(ctx, recv(channel), timeout).index == 0) ++received;
    EXPECT_EQ(received, 2);
    EXPECT_EQ(runtime_clock().now() - begin, 5s);
    EXPECT_EQ(select(ctx, timeout).index, 0U);  // it has passed for good
    EXPECT_EQ(select(ctx, after(Deadline()), after(1s)).index, 1U);
    ends.cancel();
  });
}

// Two channels, of which one is sometimes missing: each value that was sent comes once, on a channel in the order in which
// its senders began.
TEST(SelectProperty, EachValueArrivesOnceInTheOrderOfItsChannel) {
  over_many_seeds([](Context& ctx, Chance& chance) {
    std::array<Chan<int>, 2> channels{Chan<int>{chance.below(3)}, Chan<int>{chance.below(3)}};
    auto any = [&](std::size_t which) { return chance.one_in(4) ? nullptr : &channels[which]; };
    auto moment = [&] { return after(Duration(chance.below(8))); };
    int next = 0, senders = 4;
    std::array<int, 2> sent{}, received{}, last{-1, -1};
    TaskGroup group{ctx};
    for (int fiber = 0; fiber < 4; ++fiber)
      group.go([&](Context& own) {
        for (int step = 0; step < 12; ++step) {
          chance.wander();
          int value = next++;
          std::size_t index = chance.one_in(3) ? select(own, send(any(0), value), send(any(1), value), otherwise()).index
                                               : select(own, send(any(0), value), send(any(1), value), moment()).index;
          if (index < 2) ++sent[index];
        }
        --senders;
      });
    group.go([&](Context& own) {
      while (senders > 0 || channels[0].size_approx() + channels[1].size_approx() > 0) {
        chance.wander();
        auto [index, value] = chance.one_in(3) ? select(own, recv(any(0)), recv(any(1)), otherwise())
                                               : select(own, recv(any(0)), recv(any(1)), moment());
        if (!value) continue;
        EXPECT_GT(*value, last[index]);
        last[index] = *value;
        ++received[index];
      }
    });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(received, sent);
  });
}

TEST(SelectStress, EachValueArrivesOnce) {
  on_few_and_many_processors([](Context& ctx) {
    constexpr int kParties = 4;
    const int each = kManyTimes / 20;
    Chan<int> left{0}, right{2};
    std::vector<std::atomic<int>> seen(static_cast<std::size_t>(kParties * each));
    TaskGroup group{ctx};
    for (int sender = 0; sender < kParties; ++sender)
      group.go([&, sender](Context& own) {
        for (int i = 0; i < each; ++i) {
          int value = sender * each + i;
          EXPECT_NE(select(own, send(left, value), send(right, value)).index, kContextEnded);
        }
      });
    TaskGroup receiving{ctx};
    for (int receiver = 0; receiver < kParties; ++receiver)
      receiving.go([&](Context& own) {
        for (;;) {
          auto [index, value] = select(own, recv(left), recv(right));
          if (!value) return;
          seen[static_cast<std::size_t>(*value)].fetch_add(1);
        }
      });
    EXPECT_TRUE(group.wait());
    while (right.size_approx() > 0) yield();
    left.close();
    right.close();
    EXPECT_TRUE(receiving.wait());
    for (const std::atomic<int>& count : seen) ASSERT_EQ(count.load(), 1);
  });
}

// Nothing but a timer and a context: no channel's lock orders who ends the wait and who goes to sleep.
TEST(SelectStress, TimerAndCancellationMayRace) {
  on_few_and_many_processors([](Context& ctx) {
    TaskGroup group{ctx};
    for (int party = 0; party < 4; ++party)
      group.go([&](Context& own) {
        for (int i = 0; i < kManyTimes / 50; ++i) {
          Context request{own};
          TaskGroup canceller{own};
          canceller.go([&](Context&) { request.cancel(); });
          std::size_t index = select(request, after(1us), after(2us)).index;
          EXPECT_TRUE(index < 2 || index == kContextEnded);
        }
      });
    EXPECT_TRUE(group.wait());
  });
}

TEST(SelectStress, TwoSelectsMeetOnCrossedChannels) {
  on_few_and_many_processors([](Context& ctx) {
    Chan<int> a, b;
    std::atomic<int> met{0};
    TaskGroup group{ctx};
    for (int side = 0; side < 2; ++side)
      group.go([&, side](Context& own) {
        for (int i = 0; i < kManyTimes / 10; ++i) {
          auto chosen = side == 0 ? select(own, send(a, i), recv(b)) : select(own, recv(a), send(b, i));
          if (chosen.value) met.fetch_add(1);
        }
      });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(met.load(), kManyTimes / 10);  // each meeting has one receiver
  });
}

}  // namespace
}  // namespace sluice
