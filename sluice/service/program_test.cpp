// SPDX-License-Identifier: MIT
#include <sluice/service/program.hpp>

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/observe/log.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/runtime/fiber_test.hpp>

namespace sluice::service {
namespace {

struct Journal {
  observe::Registry metrics;
  observe::Logger log{runtime_clock(), metrics};
  std::vector<std::string> events;

  Program::Part part(std::string name) {
    return [this, name = std::move(name)](Context& ctx) -> Result<void> {
      events.push_back(name + " starts");
      static_cast<void>(sleep(ctx, Duration::max()));
      events.push_back(name + " stops");
      return {};
    };
  }
};

TEST(Program, StartsPartsInOrderAndStopsThemInReverse) {
  in_virtual_time([](Context& ctx) {
    Journal journal;
    Program program(journal.log);
    for (const char* name : {"a", "b", "c"}) program.add(name, journal.part(name));
    Context stop{ctx};
    TaskGroup group{ctx};
    group.go([&](Context& own) -> Result<void> {
      SLUICE_TRY(sleep(own, std::chrono::seconds(1)));
      stop.cancel();
      return {};
    });
    EXPECT_TRUE(program.run(ctx, stop));
    EXPECT_EQ(journal.events, (std::vector<std::string>{"a starts", "b starts", "c starts", "c stops", "b stops", "a stops"}));
  });
}

TEST(Program, StopsThePartBeforeOnlyWhenTheOneAfterHasEnded) {
  in_virtual_time([](Context& ctx) {
    Journal journal;
    Program program(journal.log);
    program.add("store", journal.part("store"));
    program.add("server", [&](Context& part) -> Result<void> {
      static_cast<void>(sleep(part, Duration::max()));
      Context tidying;
      SLUICE_TRY(sleep(tidying, std::chrono::seconds(3)));  // requests under way
      journal.events.push_back("server is done");
      return {};
    });
    Context stop{ctx};
    stop.cancel();
    EXPECT_TRUE(program.run(ctx, stop));
    EXPECT_EQ(journal.events, (std::vector<std::string>{"store starts", "server is done", "store stops"}));
  });
}

TEST(Program, APartThatFailsEndsTheProgramWithItsErrorAndItsName) {
  in_virtual_time([](Context& ctx) {
    Journal journal;
    Program program(journal.log);
    program.add("first", journal.part("first"));
    program.add("broken", [](Context&) -> Result<void> { return fail(Code::kUnavailable, "port taken"); });
    Context stop{ctx};
    auto ended = program.run(ctx, stop);
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code(), Code::kUnavailable);
    EXPECT_EQ(ended.error().detail(), "broken: port taken");
    EXPECT_EQ(journal.events.back(), "first stops");
  });
}

TEST(Program, APartThatReturnsEndsTheProgramInPeace) {
  in_virtual_time([](Context& ctx) {
    Journal journal;
    Program program(journal.log);
    program.add("first", journal.part("first"));
    program.add("done", [](Context&) -> Result<void> { return {}; });
    Context stop{ctx};
    EXPECT_TRUE(program.run(ctx, stop));
  });
}

}  // namespace
}  // namespace sluice::service
