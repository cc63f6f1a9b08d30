// SPDX-License-Identifier: MIT
//
// RuntimeOptions::any_order, and that in virtual time nothing but the seed says who is next.
#include <chrono>
#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include <sluice/base/clock.hpp>
#include <sluice/runtime/fiber_test.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr int kFibers = 4;

// Who had which turn, a letter for each: `steps` turns of every fiber, each of which calls `step`.
std::string order_of(RuntimeOptions options, int steps, const std::function<void(int fiber)>& step) {
  ManualClock clock;
  options.processors = 1;
  options.clock = &clock;
  std::string order;
  auto main = [&](Context& ctx) -> Result<void> {
    TaskGroup group{ctx};
    for (int fiber = 0; fiber < kFibers; ++fiber)
      group.go([&, fiber](Context&) {
        for (int i = 0; i < steps; ++i) {
          order.push_back(static_cast<char>('a' + fiber));
          step(fiber);
        }
      });
    return group.wait();
  };
  EXPECT_EQ(run(main, options), 0);
  return order;
}

// The one that was started last is in a place of its own, and chosen like the others.
TEST(AnyOrder, IsEveryOrderForSomeSeed) {
  std::set<std::string> seen;
  for (std::uint64_t seed = test_seed(); seed < test_seed() + 500; ++seed)
    seen.insert(order_of({.seed = seed, .any_order = true}, 1, [](int) {}));
  EXPECT_EQ(seen.size(), 24);
}

TEST(AnyOrder, IsTheSameForTheSameSeed) {
  auto play = [](std::uint64_t seed) { return order_of({.seed = seed, .any_order = true}, 20, [](int) { yield(); }); };
  EXPECT_EQ(play(test_seed()), play(test_seed()));
  EXPECT_NE(play(test_seed()), play(test_seed() + 1));
}

// Longer than the scheduler leaves timers alone for.
TEST(VirtualTime, DoesNotTellSlowFibersFromFastOnes) {
  auto play = [](Duration work) {
    Context forever;
    return order_of({.seed = 1}, 40, [&](int fiber) {
      for (Instant end = system_clock().now() + work; system_clock().now() < end;) {}
      fiber == 0 ? static_cast<void>(sleep(forever, Duration(0))) : yield();
    });
  };
  EXPECT_EQ(play(0us), play(200us));
}

}  // namespace
}  // namespace sluice
