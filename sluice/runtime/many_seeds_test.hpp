// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>

#include <gtest/gtest.h>

#include <sluice/base/clock.hpp>
#include <sluice/runtime/fiber_test.hpp>

namespace sluice {

/// What a random program does next. One per program: in virtual time its fibers ask one after the other.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : generator_(seed) {}

  /// From 0 to `bound` - 1, each equally often.
  std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(generator_); }
  bool one_in(std::size_t bound) { return below(bound) == 0; }
  /// Lets the others run: not at all, once round, or until some moments later.
  void wander() {
    if (one_in(3)) return;
    if (one_in(2)) return yield();
    static_cast<void>(sleep(forever_, Duration(below(8) + 1)));  // cannot fail
  }

 private:
  std::mt19937_64 generator_;
  Context forever_;
};

/// Runs a random program in virtual time, each time with another seed, which chooses the next fiber, too. One that fails
/// prints it; to run that one first, give it as --gtest_random_seed.
inline void over_many_seeds(const std::function<void(Context&, Chance&)>& program) {
  constexpr std::uint64_t kPrograms = kSanitized ? 30 : 300;
  for (std::uint64_t seed = test_seed(); seed < test_seed() + kPrograms; ++seed) {
    SCOPED_TRACE(::testing::Message() << "--gtest_random_seed=" << seed);
    Chance chance(seed);
    ManualClock clock;
    auto main = [&](Context& ctx) -> Result<void> {
      program(ctx, chance);
      return {};
    };
    ASSERT_EQ(run(main, {.processors = 1, .seed = seed, .clock = &clock, .any_order = true}), 0);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace sluice
