// SPDX-License-Identifier: MIT
#include <apps/epro/client/progress.hpp>

#include <chrono>

#include <gtest/gtest.h>

#include <sluice/runtime/fiber_test.hpp>

namespace epro {
namespace {

using namespace std::chrono_literals;

TEST(Progress, ALineSaysShareCountAndRate) {
  EXPECT_EQ(progress_line("burst", 0, 200, 0s), "burst  [----------------------------------------]  0%  0/200  0/s");
  EXPECT_EQ(progress_line("burst", 50, 200, 2s), "burst  [##########------------------------------]  25%  50/200  25/s");
  EXPECT_EQ(progress_line("burst", 200, 200, 4s), "burst  [########################################]  100%  200/200  50/s");
  EXPECT_EQ(progress_line("burst", 201, 200, 4s), progress_line("burst", 200, 200, 4s));
}

TEST(Progress, EndsWhereItIsNotShown) {
  sluice::in_virtual_time([](sluice::Context& ctx) {
    Progress progress(ctx, "burst", 0, sluice::runtime_clock(), false);
    progress.advance();
  });
}

}  // namespace
}  // namespace epro
