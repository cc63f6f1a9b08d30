// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/failure_report.hpp>

#include <cstdio>

#include <gtest/gtest.h>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/fiber_test.hpp>

// Not in sluice::internal, whose functions a report leaves out.
namespace sluice {
namespace {

// What follows the calls in these keeps them from being jumps, which would leave no frame behind.
[[gnu::noinline]] void break_a_promise(bool kept) {
  SLUICE_ASSERT(kept, "this is a test");
  asm volatile("");
}

[[gnu::noinline]] void explain_and_break(const char* text) {
  Earlier earlier{[](const void* subject) noexcept { std::fputs(static_cast<const char*>(subject), stderr); }, text};
  SLUICE_ASSERT(text == nullptr, "this is a test", earlier);
  asm volatile("");
}

TEST(FailureReportDeathTest, TellsTheStackOfAFiberInEveryBuild) {
  EXPECT_DEATH(in_virtual_time([](Context&) { break_a_promise(false); }),
               "this is a test .kept. in .*this is done, by fiber [0-9]+:.*break_a_promise");
}

TEST(FailureReportDeathTest, TellsTheStackOfAThreadThatRunsNoFiber) {
  in_virtual_time([](Context&) {});  // the first runtime installs it
  EXPECT_DEATH(break_a_promise(false), "this is done, outside of fibers:.*break_a_promise");
}

TEST(FailureReportDeathTest, TellsFirstWhatHappenedEarlier) {
  EXPECT_DEATH(in_virtual_time([](Context&) { explain_and_break("once upon a time"); }),
               "this is a test.*once upon a time.*this is done, by fiber.*explain_and_break");
}

TEST(FailureReportDeathTest, AFailureInsideOfTheReportEndsTheProcess) {
  in_virtual_time([](Context&) {});
  set_failure_report([]() noexcept {
    std::fputs("the report begins\n", stderr);
    break_a_promise(false);
  });
  EXPECT_DEATH(explain_and_break("why"), "the report begins.*this is a test .kept.");
  internal::install_failure_report();
}

}  // namespace
}  // namespace sluice
