// SPDX-License-Identifier: MIT
#include <csignal>
#include <thread>

#include <gtest/gtest.h>
#include <poll.h>

#include <sluice/runtime/blocking.hpp>
#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/fiber_test.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/task_group.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;

// Under TSan there is always a thread that is not ours.
#if defined(__SANITIZE_THREAD__)
constexpr bool kIsSilent = true;
#else
constexpr bool kIsSilent = false;
#endif

// Several times what sysmon takes to notice that all is quiet. It is what must not be enough, so a slow machine makes
// these tests weaker, not red.
constexpr int kLongMs = 200;

class DeadlockDeathTest : public ::testing::Test {
 protected:
  DeadlockDeathTest() { ::testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

void wait_for_each_other(Context& ctx) {
  Chan<int> questions, answers;
  TaskGroup group{ctx};
  group.go([&](Context& own) { static_cast<void>(questions.recv(own)); });
  static_cast<void>(answers.recv(ctx));
}

TEST_F(DeadlockDeathTest, EndsTheProgramAndSaysWhoWaitsForWhat) {
  if (kIsSilent) GTEST_SKIP() << "TSan has a thread of its own";
  EXPECT_EXIT(on_processors(2, wait_for_each_other), ::testing::KilledBySignal(SIGABRT),
              "all fibers are asleep: deadlock\n\n2 fibers: 2 waiting\n.*receiving from a channel.*deadlock_test.cpp:");
}

TEST_F(DeadlockDeathTest, EndsATestInVirtualTimeAsWell) {
  if (kIsSilent) GTEST_SKIP() << "TSan has a thread of its own";
  EXPECT_EXIT(in_virtual_time(wait_for_each_other), ::testing::KilledBySignal(SIGABRT), "all fibers are asleep: deadlock");
}

TEST_F(DeadlockDeathTest, IsFoundAmongFibersThatSleepForEver) {
  if (kIsSilent) GTEST_SKIP() << "TSan has a thread of its own";
  EXPECT_EXIT(on_processors(1, [](Context& ctx) { static_cast<void>(sleep(ctx, Duration::max())); }),
              ::testing::KilledBySignal(SIGABRT), "all fibers are asleep: deadlock");
}

TEST(Deadlock, IsNoneWhileATimerWillFire) {
  on_processors(2, [](Context& ctx) {
    Chan<int> never;
    Context limited{ctx, std::chrono::milliseconds(kLongMs)};
    EXPECT_FALSE(never.recv(limited));
  });
}

TEST(Deadlock, IsNoneWhileACallMayReturn) {
  on_processors(2, [](Context& ctx) {
    Chan<int> done{1};
    TaskGroup group{ctx};
    group.go([&](Context& own) {
      blocking([] { ::poll(nullptr, 0, kLongMs); }, Expect::kLong);
      static_cast<void>(done.send(own, 1));
    });
    EXPECT_TRUE(done.recv(ctx));
  });
}

TEST(Deadlock, IsNoneWhileThereIsAThreadThatMayHelp) {
  on_processors(2, [](Context& ctx) {
    Chan<int> letters{1};
    std::thread foreigner([&] {
      ::poll(nullptr, 0, kLongMs);
      int letter = 1;
      static_cast<void>(letters.try_send(letter));
    });
    EXPECT_TRUE(letters.recv(ctx));
    foreigner.join();
  });
}

}  // namespace
}  // namespace sluice
