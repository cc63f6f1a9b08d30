// SPDX-License-Identifier: MIT
#include <sluice/governance/rate_limit.hpp>

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace sluice::governance {
namespace {

std::string fault_of(RateLimit limit) {
  auto checked = limit.check();
  return checked ? "" : std::string(checked.error().field());
}

TEST(RateLimit, NamesThePartAtFault) {
  EXPECT_EQ(fault_of({.per_second = 2, .burst = 5}), "");
  EXPECT_EQ(fault_of({.per_second = 0, .burst = 5}), "per_second");
  EXPECT_EQ(fault_of({.per_second = -1, .burst = 5}), "per_second");
  EXPECT_EQ(fault_of({.per_second = std::numeric_limits<double>::quiet_NaN(), .burst = 5}), "per_second");
  EXPECT_EQ(fault_of({.per_second = std::numeric_limits<double>::infinity(), .burst = 5}), "per_second");
  EXPECT_EQ(fault_of({.per_second = 1e9, .burst = 5}), "");
  EXPECT_EQ(fault_of({.per_second = 1.001e9, .burst = 5}), "per_second");
  EXPECT_EQ(fault_of({.per_second = 2, .burst = 0}), "burst");
}

TEST(RateLimit, RefusesABucketThatTakesMoreThanAYearToFill) {
  EXPECT_EQ(fault_of({.per_second = 1.0 / 86'400, .burst = 365}), "");
  EXPECT_EQ(fault_of({.per_second = 1.0 / 86'400, .burst = 366}), "burst");
  EXPECT_EQ(fault_of({.per_second = 1e-300, .burst = 1}), "burst");
}

}  // namespace
}  // namespace sluice::governance
