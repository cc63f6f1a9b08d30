// SPDX-License-Identifier: MIT
#include <sluice/http/http_date.hpp>

#include <chrono>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

using namespace std::chrono;

std::string_view date_at(WallTime wall) {
  static HttpDate date;
  ManualClock clock(wall);
  date = HttpDate();
  return date.at(clock, clock.now());
}

TEST(HttpDate, IsWrittenAsTheStandardWants) {
  EXPECT_EQ(date_at(sys_days(1994y / November / 6) + 8h + 49min + 37s), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(date_at(sys_days(1970y / January / 1)), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(date_at(sys_days(2024y / February / 29) + 23h + 59min + 59s + 999ms), "Thu, 29 Feb 2024 23:59:59 GMT");
}

class HttpDateOnAClock : public testing::Test {
 protected:
  std::string_view now() { return date_.at(clock_, clock_.now()); }

  ManualClock clock_{sys_days(2026y / November / 24) + 12h + 1ms};

 private:
  HttpDate date_;
};

TEST_F(HttpDateOnAClock, ChangesWithTheSecond) {
  EXPECT_EQ(now(), "Tue, 24 Nov 2026 12:00:00 GMT");
  clock_.advance(998ms);
  EXPECT_EQ(now(), "Tue, 24 Nov 2026 12:00:00 GMT");
  clock_.advance(1ms);
  EXPECT_EQ(now(), "Tue, 24 Nov 2026 12:00:01 GMT");
  clock_.advance(24h);
  EXPECT_EQ(now(), "Wed, 25 Nov 2026 12:00:01 GMT");
}

TEST_F(HttpDateOnAClock, FollowsAClockThatIsSetWithinASecond) {
  EXPECT_EQ(now(), "Tue, 24 Nov 2026 12:00:00 GMT");
  clock_.step_wall(-1h);
  clock_.advance(1s);
  EXPECT_EQ(now(), "Tue, 24 Nov 2026 11:00:01 GMT");
}

}  // namespace
}  // namespace sluice::http
