// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>

#include <gtest/gtest.h>

#include <sluice/base/clock.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/task_group.hpp>

namespace sluice {

// The sanitizers make everything some ten times slower, and TSan knows at most 8,000 fibers.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// How often to repeat something that takes some hundred nanoseconds, so that a test with a few of them takes a second.
inline constexpr int kManyTimes = kSanitized ? 5'000 : 100'000;

/// For what a test chooses at random; another one with --gtest_random_seed.
inline std::uint64_t test_seed() {
  auto seed = static_cast<std::uint64_t>(::testing::UnitTest::GetInstance()->random_seed());
  return seed == 0 ? 1 : seed;
}

/// Runs a test's body as the first fiber of a runtime with one processor and a clock that jumps to the next timer when
/// everybody waits: nothing takes real time, and the order of events is always the same.
inline void in_virtual_time(const std::function<void(Context&)>& body) {
  SCOPED_TRACE(::testing::Message() << "--gtest_random_seed=" << test_seed());
  ManualClock clock;
  auto main = [&](Context& ctx) -> Result<void> {
    body(ctx);
    return {};
  };
  EXPECT_EQ(run(main, {.processors = 1, .seed = test_seed(), .clock = &clock}), 0);
}

/// Returns when every other fiber waits. Requires: in_virtual_time.
inline void let_all_park(Context& ctx) { static_cast<void>(sleep(ctx, Duration(1))); }

/// Runs a test's body on real processors, in real time. Nobody is taken for a hog unless `hog_after` says when: a kernel that
/// keeps a thread waiting (a busy machine, a sanitizer) would have a relief run fibers of *one* processor side by side.
inline void on_processors(std::size_t count, const std::function<void(Context&)>& body,
                          Duration hog_after = std::chrono::hours(1)) {
  SCOPED_TRACE(::testing::Message() << "on " << count << " processors, --gtest_random_seed=" << test_seed());
  auto main = [&](Context& ctx) -> Result<void> {
    body(ctx);
    return {};
  };
  EXPECT_EQ(run(main, {.processors = count, .seed = test_seed(), .hog_after = hog_after}), 0);
}

/// For races: more processors than this machine may have, so that the kernel interrupts them anywhere.
inline void on_few_and_many_processors(const std::function<void(Context&)>& body) {
  for (std::size_t count : {1, 2, 8}) on_processors(count, body);
}

}  // namespace sluice
