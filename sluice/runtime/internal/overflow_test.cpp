// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/overflow.hpp>

#include <csignal>
#include <cstddef>
#include <source_location>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/fiber_test.hpp>
#include <sluice/runtime/internal/fiber.hpp>
#include <sluice/runtime/internal/stack_pool.hpp>

namespace sluice::internal {
namespace {

class OverflowDeathTest : public ::testing::Test {
 protected:
  OverflowDeathTest() { ::testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

// Frames of a kilobyte that the optimizer cannot fold away.
[[gnu::noinline]] int recurse(int depth) {
  volatile char frame[1024] = {};
  frame[0] = static_cast<char>(depth);
  return depth == 0 ? 0 : recurse(depth - 1) + frame[0];
}

TEST_F(OverflowDeathTest, IsNamedWithFiberAndSize) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers have a handler of their own";
  EXPECT_EXIT(on_processors(2,
                            [](Context& ctx) {
                              TaskGroup group{ctx};
                              group.go([](Context&) { static_cast<void>(recurse(1'000'000)); });
                              static_cast<void>(group.wait());
                            }),
              ::testing::KilledBySignal(SIGSEGV),
              "stack overflow: fiber [1-9][0-9]*, started at .*overflow_test.cpp:[0-9]+, needs more than its 24[34] KiB");
}

TEST_F(OverflowDeathTest, IsNotBlamedForOtherFaults) {
  if (kSanitized) GTEST_SKIP() << "the sanitizers have a handler of their own";
  EXPECT_EXIT(in_virtual_time([](Context&) {
                volatile int* nowhere = nullptr;
                *nowhere = 1;
              }),
              ::testing::KilledBySignal(SIGSEGV), "^$");
}

TEST_F(OverflowDeathTest, IsNamedByTheCanaryWhereThereIsNoGuard) {
  StackPool pool(std::size_t{64} * 1024, GuardKind::kNone);
  std::vector<Stack> stacks;
  ASSERT_EQ(pool.reserve(1), 1U);
  pool.take_some(stacks, 1);
  Fiber fiber;
  fiber.stack_low = stacks.front().low;
  fiber.stack_bytes = stacks.front().bytes;
  fiber.started_at = std::source_location::current();
  fiber.id = 17;
  plant_canary(fiber);
  look_at_canary(fiber);
  EXPECT_EXIT(
      {
        fiber.stack_low[-1] = std::byte{1};
        look_at_canary(fiber);
      },
      ::testing::KilledBySignal(SIGABRT), "stack overflow: fiber 17, started at .*overflow_test.cpp:[0-9]+, needs more");
}

TEST(Overflow, DoesNotHappenToAFiberThatUsesMostOfItsStack) {
  on_processors(2, [](Context& ctx) {
    TaskGroup group{ctx};
    for (int i = 0; i < 20; ++i) group.go([](Context&) { static_cast<void>(recurse(kSanitized ? 40 : 150)); });
    EXPECT_TRUE(group.wait());
  });
}

}  // namespace
}  // namespace sluice::internal
