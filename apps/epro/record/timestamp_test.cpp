// SPDX-License-Identifier: MIT
#include <apps/epro/record/timestamp.hpp>

#include <gtest/gtest.h>

namespace epro {
namespace {

using namespace std::chrono_literals;

sluice::WallTime wall(std::int64_t micros) { return sluice::WallTime(std::chrono::microseconds(micros)); }

TEST(Timestamp, KeepsTheInstantAndTheOffset) {
  auto time = parse_timestamp("2026-03-02T20:03:11.120+01:00");
  ASSERT_TRUE(time);
  EXPECT_EQ(time->at, wall(1'772'478'191'120'000));
  EXPECT_EQ(time->offset, 60min);
}

TEST(Timestamp, ReadsWhatPhonesWrite) {
  const sluice::WallTime expected = wall(1'772'478'180'000'000);
  for (const char* text :
       {"2026-03-02T19:03:00Z", "2026-03-02t19:03:00z", "2026-03-02 19:03:00Z", "2026-03-02T19:03Z",
        "2026-03-02T20:03:00+01:00", "2026-03-02T20:03:00+0100", "2026-03-02T20:03:00+01", "2026-03-02T13:33:00-05:30",
        "2026-03-03T09:03:00+14:00", "2026-03-02T05:03:00-14:00", "2026-03-02T19:03:00.0000009Z"}) {
    auto time = parse_timestamp(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(time->at, expected) << text;
  }
}

TEST(Timestamp, CutsTheFractionToMicrosecondsAndNeverRoundsUp) {
  EXPECT_EQ(parse_timestamp("2026-12-31T23:59:59.9999999999Z")->at, parse_timestamp("2027-01-01T00:00:00Z")->at - 1us);
  EXPECT_EQ(parse_timestamp("1970-01-01T00:00:00.5Z")->at, wall(500'000));
}

TEST(Timestamp, CallsATimeWithoutOffsetAmbiguous) {
  for (const char* text : {"2026-03-02T20:03:11", "2026-03-02T20:03", "2026-03-02 20:03:11.5", "2026-03-02", "2026-03",
                           "2026", "2026-03-02T20:03:11-00:00"})
    EXPECT_EQ(parse_timestamp(text).error(), FindingCode::kCaptureTimeAmbiguous) << text;
}

TEST(Timestamp, RefusesDaysAndTimesThatDoNotExist) {
  for (const char* text :
       {"2026-02-29T10:00:00Z", "2026-02-30", "2026-13-01", "2026-13", "2026-00-10T10:00:00Z", "2026-04-31T10:00:00",
        "2026-03-02T24:00:00Z", "2026-03-02T23:60:00Z", "2026-03-02T23:59:61Z", "2026-03-02T20:00:00+14:01",
        "2026-03-02T20:00:00-14:01", "2026-03-02T20:00:00+01:60", "0000-01-01T00:00:00Z", "0000"})
    EXPECT_EQ(parse_timestamp(text).error(), FindingCode::kCaptureTimeInvalid) << text;
  EXPECT_TRUE(parse_timestamp("2028-02-29T10:00:00Z"));
}

TEST(Timestamp, RefusesWhatIsNoTimestamp) {
  for (const char* text :
       {"", "yesterday", "20260302T200000Z", "2026-3-2T20:00:00Z", "2026-03-02T", "2026-03-02T20", "2026-03-02T20:03:",
        "2026-03-02T20:03:11.Z", "2026-03-02T20:03.5Z", "2026-03-02T20:03:11ZZ", "2026-03-02T20:03:11+", "2026-03-02x",
        "2026-03-02T20:03:11+1", "2026-03-02T20:03:11+01:", "2026-03-02T20:03:11+01:0", " 2026-03-02T20:03:11Z",
        "2026-03-02T20:03:11-00:00x", "+026-03-02T20:03:11Z", "2026-03-02T20:03:11Z "})
    EXPECT_EQ(parse_timestamp(text).error(), FindingCode::kCaptureTimeInvalid) << text;
}

TEST(Timestamp, FoldsALeapSecondIntoTheDayItEnds) {
  EXPECT_EQ(parse_timestamp("2016-12-31T23:59:60Z")->at, parse_timestamp("2016-12-31T23:59:59.999999Z")->at);
  EXPECT_EQ(parse_timestamp("2017-01-01T00:59:60.7+01:00")->at, parse_timestamp("2016-12-31T23:59:59.999999Z")->at);
  for (const char* text : {"2016-12-31T23:58:60Z", "2016-12-30T23:59:60Z", "2016-12-31T23:59:60+01:00"})
    EXPECT_FALSE(parse_timestamp(text)) << text;
}

TEST(Timestamp, ReachesFromBefore1970ToBeyond2106) {
  EXPECT_EQ(parse_timestamp("1970-01-01T00:30:00+01:00")->at, wall(-1'800'000'000));
  EXPECT_EQ(parse_timestamp("2106-02-07T06:28:16Z")->at, wall(4'294'967'296'000'000));
  EXPECT_TRUE(parse_timestamp("0001-01-01T00:00:00Z"));
  EXPECT_TRUE(parse_timestamp("9999-12-31T23:59:59.999999Z"));
  EXPECT_FALSE(parse_timestamp("0001-01-01T00:00:00+00:01"));
  EXPECT_FALSE(parse_timestamp("9999-12-31T23:59:00-00:01"));
}

TEST(Timestamp, WritesNoMoreDigitsThanItNeeds) {
  EXPECT_EQ(format_timestamp(wall(0)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_timestamp(wall(1'772'478'191'120'000)), "2026-03-02T19:03:11.120Z");
  EXPECT_EQ(format_timestamp(wall(-1)), "1969-12-31T23:59:59.999999Z");
}

TEST(Timestamp, ReadsBackWhatItWrites) {
  for (const char* text : {"2026-03-02T20:03:11.120+01:00", "2026-03-02T20:03:11.120001-09:30", "0001-01-01T00:00:00Z",
                           "9999-12-31T23:59:59.999999Z", "2024-02-29T23:59:59+14:00"})
    EXPECT_EQ(format_timestamp(*parse_timestamp(text)), text);
}

}  // namespace
}  // namespace epro
