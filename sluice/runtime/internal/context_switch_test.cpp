// SPDX-License-Identifier: MIT
//
// What belongs to a fiber but lives in the thread must travel with it, and the sanitizers must know where it went. Without
// their annotations the tests marked so fail under them: that is how to see that they are there.
#include <sluice/runtime/internal/context_switch.hpp>

#include <cerrno>
#include <exception>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include <sys/syscall.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <sluice/runtime/blocking.hpp>
#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/fiber_test.hpp>
#include <sluice/runtime/internal/machine.hpp>
#include <sluice/runtime/internal/word_lock.hpp>

namespace sluice::internal {
namespace {

constexpr int kRounds = kManyTimes / 500;

// Goes on in some other thread if there is one.
void wander(int round) {
  if (round % 8 == 0) blocking([] {}, Expect::kLong);
  yield();
}

TEST(ContextSwitch, AFiberKeepsTheExceptionThatItHandles) {
  on_few_and_many_processors([](Context& ctx) {
    TaskGroup group{ctx};
    for (int i = 0; i < 8; ++i)
      group.go([i](Context&) {
        for (int round = 0; round < kRounds; ++round) {
          try {
            try {
              throw i;
            } catch (int) {
              wander(round);  // others throw and catch theirs meanwhile
              throw;
            }
          } catch (int caught) {
            EXPECT_EQ(caught, i);
          }
          EXPECT_EQ(std::current_exception(), nullptr);
        }
      });
    EXPECT_TRUE(group.wait());
  });
}

TEST(ContextSwitch, AFiberMayBeSwitchedAwayWhileItUnwinds) {
  struct Wanderer {
    int round;
    ~Wanderer() {
      EXPECT_EQ(std::uncaught_exceptions(), 1);
      wander(round);
      EXPECT_EQ(std::uncaught_exceptions(), 1);
    }
  };
  on_few_and_many_processors([](Context& ctx) {
    TaskGroup group{ctx};
    for (int i = 0; i < 8; ++i)
      group.go([i](Context&) {
        for (int round = 0; round < kRounds; ++round) {
          try {
            Wanderer first{round}, second{round + 1};
            throw std::to_string(i);
          } catch (const std::string& caught) {
            EXPECT_EQ(caught, std::to_string(i));
          }
          EXPECT_EQ(std::uncaught_exceptions(), 0);
        }
      });
    EXPECT_TRUE(group.wait());
  });
}

TEST(ContextSwitch, NestedHandlersAreTheFibersOwn) {
  on_processors(1, [](Context& ctx) {
    TaskGroup group{ctx};
    for (int i = 0; i < 3; ++i)
      group.go([i](Context&) {
        try {
          throw i;
        } catch (int outer) {
          yield();
          try {
            throw std::runtime_error("inner");
          } catch (const std::runtime_error& inner) {
            yield();
            EXPECT_STREQ(inner.what(), "inner");
          }
          EXPECT_EQ(outer, i);
          yield();
          EXPECT_NE(std::current_exception(), nullptr);
        }
      });
    EXPECT_TRUE(group.wait());
  });
}

// Not a promise but the reason for the rules about thread-locals and errno: if this fails, fibers stopped migrating,
// and the other tests here prove nothing.
TEST(ContextSwitch, FibersDoChangeThreads) {
  on_processors(2, [](Context&) {
    std::set<std::thread::id> seen;
    for (int round = 0; seen.size() < 2; ++round) {
      blocking([&] { seen.insert(std::this_thread::get_id()); }, Expect::kLong);
      yield();
    }
  });
}

[[gnu::noinline]] int read_errno() {
  asm volatile("");
  return errno;
}
[[gnu::noinline]] void write_errno(int value) {
  asm volatile("");
  errno = value;
}

TEST(ContextSwitch, ErrnoIsTheThreadsAndReadInAFunctionOfItsOwnIsRight) {
  on_few_and_many_processors([](Context& ctx) {
    TaskGroup group{ctx};
    for (int i = 1; i <= 8; ++i)
      group.go([i](Context&) {
        for (int round = 0; round < kRounds; ++round) {
          wander(round);
          write_errno(i);
          EXPECT_EQ(read_errno(), i);  // no switch came between
        }
      });
    EXPECT_TRUE(group.wait());
  });
}

// One thread is one machine. Where the compiler sees the thread-local behind current_machine() it may compute its address
// once and keep that across the switch; then a fiber that has changed threads finds the machine that it was on before
// (brpc#2156, brpc#2918). Built without inlining between files that hardly happens, hence `./test --lto`.
TEST(ContextSwitch, AFiberFindsTheMachineThatItIsOn) {
  on_few_and_many_processors([](Context& ctx) {
    WordLock lock;
    std::map<long, Machine*> machines;  // guarded by lock
    auto expect_machine_of_this_thread = [&](Machine* machine) {
      long thread = ::syscall(SYS_gettid);  // not pthread_self(), which the compiler may remember as well
      std::lock_guard hold(lock);
      EXPECT_EQ(machines.emplace(thread, machine).first->second, machine);
    };
    TaskGroup group{ctx};
    for (int i = 0; i < 8; ++i)
      group.go([&](Context&) {
        for (int round = 0; round < kRounds; ++round) {
          expect_machine_of_this_thread(current_machine());
          wander(round);
          expect_machine_of_this_thread(current_machine());
          yield();
          expect_machine_of_this_thread(current_machine());
        }
      });
    EXPECT_TRUE(group.wait());
  });
}

// TSan counts the calls on each stack: without __tsan_switch_to_fiber it takes these for one stack, which overflows.
[[gnu::noinline]] int park_deep_down(int depth, Chan<int>& gate) {
  if (depth == 0) return gate.recv().value_or(0);
  int below = park_deep_down(depth - 1, gate);
  asm volatile("");  // keeps the frame
  return below + 1;
}

TEST(ContextSwitch, SanitizersTellTheStacksOfFibersApart) {
  on_processors(2, [](Context& ctx) {
    constexpr int kFibers = 200, kDepth = 400;  // together more than TSan allows to one thread
    Chan<int> gate;
    TaskGroup group{ctx};
    for (int i = 0; i < kFibers; ++i)
      group.go([&](Context&) { EXPECT_EQ(park_deep_down(kDepth, gate), kDepth); });
    for (int i = 0; i < kFibers; ++i) gate.send(0);
    EXPECT_TRUE(group.wait());
  });
}

// ASan cleans the stack that an exception leaves: without __sanitizer_start_switch_fiber it cleans the thread's instead,
// and what is poisoned here is taken for a mistake of the next frame that lies in the same place.
[[gnu::noinline]] void throw_past_an_array(int round) {
  volatile char low[200] = {};
  low[round % 200] = 1;
  wander(round);
  throw round + low[(round + 1) % 200];
}
[[gnu::noinline]] int fill_an_array(int round) {
  volatile char wide[3000];
  for (volatile char& each : wide) each = static_cast<char>(round);
  return wide[0];
}

TEST(ContextSwitch, SanitizersCleanTheStackThatAnExceptionLeaves) {
  on_few_and_many_processors([](Context& ctx) {
    TaskGroup group{ctx};
    for (int i = 0; i < 4; ++i)
      group.go([](Context&) {
        for (int round = 0; round < kRounds; ++round) {
          EXPECT_THROW(throw_past_an_array(round), int);
          EXPECT_EQ(fill_an_array(round), static_cast<char>(round));
        }
      });
    EXPECT_TRUE(group.wait());
  });
}

// Plain memory, handed from fiber to fiber by nothing but switches on one processor: TSan has to see them as an order.
TEST(ContextSwitch, IsAnOrderBetweenFibersOfOneProcessor) {
  in_virtual_time([](Context& ctx) {
    int shared = 0;
    TaskGroup group{ctx};
    for (int i = 0; i < 4; ++i)
      group.go([&](Context&) {
        for (int round = 0; round < kRounds; ++round) {
          ++shared;
          yield();
        }
      });
    EXPECT_TRUE(group.wait());
    EXPECT_EQ(shared, 4 * kRounds);
  });
}

}  // namespace
}  // namespace sluice::internal
