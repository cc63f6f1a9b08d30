// SPDX-License-Identifier: MIT
#include <sluice/http/http_date.hpp>

#include <chrono>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

using namespace std::chrono;

TEST(HttpDate, IsWrittenAsTheStandardWants) {
  HttpDate date;
  EXPECT_EQ(date.at(sys_days(1994y / November / 6) + 8h + 49min + 37s), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(date.at(sys_days(1970y / January / 1)), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(date.at(sys_days(2024y / February / 29) + 23h + 59min + 59s + 999ms), "Thu, 29 Feb 2024 23:59:59 GMT");
}

TEST(HttpDate, ChangesWithTheSecondInBothDirections) {
  HttpDate date;
  WallTime noon = sys_days(2026y / November / 24) + 12h;
  EXPECT_EQ(date.at(noon + 1ms), "Tue, 24 Nov 2026 12:00:00 GMT");
  EXPECT_EQ(date.at(noon + 999ms), "Tue, 24 Nov 2026 12:00:00 GMT");
  EXPECT_EQ(date.at(noon + 1s), "Tue, 24 Nov 2026 12:00:01 GMT");
  EXPECT_EQ(date.at(noon - 1s), "Tue, 24 Nov 2026 11:59:59 GMT");
}

}  // namespace
}  // namespace sluice::http
