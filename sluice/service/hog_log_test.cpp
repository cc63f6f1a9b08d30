// SPDX-License-Identifier: MIT
#include <sluice/service/hog_log.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include <sluice/base/clock.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/service/program.hpp>

namespace sluice::service {
namespace {

using namespace std::chrono_literals;

std::string lines_of(observe::Logger& log) {
  std::string lines;
  log.drain([&](observe::Level, std::string_view line) { lines.append(line); });
  return lines;
}

Hog some_hog() {
  return {.fiber = 17,
          .started_at = std::source_location::current(),
          .kept_for = 12ms,
          .stack = "spin+0x1 (a_program 0x2)\nserve+0x3 (a_program 0x4)\n",
          .unreported = 3};
}

struct World {
  World() { ctx.set(kHogRelay, &relay); }

  ManualClock clock;
  observe::Registry metrics;
  observe::Logger log{clock, metrics};
  HogRelay relay;
  Context ctx;
};

TEST(HogLog, MakesALineOfAHog) {
  World world;
  HogLog hogs(world.ctx, world.log);
  world.relay.tell(some_hog());
  std::string lines = lines_of(world.log);
  EXPECT_EQ(std::ranges::count(lines, '\n'), 1) << lines;
  for (const char* part : {R"("level":"error")", R"("fiber":17)", R"("kept_for":"12.0ms")", R"("held_back":3)",
                           R"(service/hog_log_test.cpp:)", R"(yield()\nspin+0x1 (a_program 0x2)\nserve+0x3)"})
    EXPECT_TRUE(lines.contains(part)) << part << " in " << lines;
}

TEST(HogLog, LeavesHogsBeforeAndAfterItToStandardError) {
  World world;
  testing::internal::CaptureStderr();
  world.relay.tell(some_hog());
  std::optional<HogLog> hogs(std::in_place, world.ctx, world.log);
  hogs.reset();
  world.relay.tell(some_hog());
  std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(lines_of(world.log), "");
  EXPECT_EQ(std::ranges::count(said, '\n'), 6) << said;
  EXPECT_TRUE(said.starts_with("sluice: fiber 17, started at ")) << said;
}

TEST(HogLog, DoesNothingOutsideOfAProgram) {
  World world;
  Context other;
  HogLog hogs(other, world.log);
}

// The main fiber is the hog, again and again: on a slow day it has been told of once before there is a log.
TEST(HogLog, TellsAHogOfAProgramInItsLog) {
  std::string lines;
  auto main = [&](Context& ctx, Context&) -> Result<void> {
    observe::Registry metrics;
    observe::Logger log(runtime_clock(), metrics);
    HogLog hogs(ctx, log);
    while (lines.empty()) {
      Instant hogs_until = runtime_clock().now() + 20ms;
      while (lines.empty() && runtime_clock().now() < hogs_until) lines = lines_of(log);
      yield();
    }
    return {};
  };
  EXPECT_EQ(run_program(main, {.runtime = {.processors = 1, .hog_after = 2ms}}), 0);
  EXPECT_TRUE(lines.contains("a fiber keeps its processor")) << lines;
  EXPECT_TRUE(lines.contains("service/program.cpp:")) << lines;
}

}  // namespace
}  // namespace sluice::service
