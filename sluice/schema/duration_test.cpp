// SPDX-License-Identifier: MIT
#include <sluice/schema/duration.hpp>

#include <gtest/gtest.h>

namespace sluice::schema {
namespace {

using namespace std::chrono_literals;

TEST(Duration, ReadsNumbersWithTheirUnits) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("3s"), 3s);
  EXPECT_EQ(parse_duration("2m"), 2min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("1m5s250ms3us7ns"), 65s + 250ms + 3us + 7ns);
  EXPECT_EQ(parse_duration("0s"), 0s);
  EXPECT_EQ(parse_duration("0090s"), 90s);
}

TEST(Duration, RefusesEverythingElse) {
  for (const char* text : {"", "10", "s", "-1s", "+1s", "1.5s", "1 s", " 1s", "1s ", "1d", "1S", "1s1m", "1s1s",
                           "1h30", "ms"})
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(Duration, EndsWhereItsTypeEnds) {
  EXPECT_EQ(parse_duration("9223372036854775807ns"), Duration::max());
  EXPECT_EQ(parse_duration("9223372036854775808ns"), std::nullopt);
  EXPECT_EQ(parse_duration("9223372036s854775807ns"), Duration::max());
  EXPECT_EQ(parse_duration("9223372036s854775808ns"), std::nullopt);
  EXPECT_EQ(parse_duration("18446744073709551616h"), std::nullopt);
}

TEST(Duration, IsWrittenAsItIsRead) {
  EXPECT_EQ(format_duration(0s), "0s");
  EXPECT_EQ(format_duration(90min), "1h30m");
  EXPECT_EQ(format_duration(1500ms), "1s500ms");
  EXPECT_EQ(parse_duration(format_duration(Duration::max())), Duration::max());
}

}  // namespace
}  // namespace sluice::schema
