// SPDX-License-Identifier: MIT
#include <sluice/schema/json_value.hpp>

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

#include <sluice/schema/json_writer.hpp>

namespace sluice::schema {
namespace {

TEST(JsonValue, IsComposedMemberByMember) {
  Json answer = Json::object();
  answer.add("id", Json::string("r-1")).add("seq", Json::number(7)).add("ok", Json::boolean(true));
  answer.add("flags", Json::array().push(Json::string("late")).push(Json::null()));
  EXPECT_EQ(to_text(answer), R"({"id":"r-1","seq":7,"ok":true,"flags":["late",null]})");
  EXPECT_EQ(answer.find("id")->text(), "r-1");
  EXPECT_EQ(answer.find("ID"), nullptr);
  EXPECT_EQ(answer.find("flags")->items().size(), 2u);
  EXPECT_EQ(answer.members()[1].name, "seq");
}

TEST(JsonValue, OfAnotherKindIsEmptyNotAMistake) {
  Json number = Json::number(1);
  EXPECT_FALSE(number.boolean());
  EXPECT_EQ(number.text(), "");
  EXPECT_TRUE(number.items().empty());
  EXPECT_TRUE(number.members().empty());
  EXPECT_EQ(number.find("a"), nullptr);
  EXPECT_EQ(Json::string("1").number(), std::nullopt);
  EXPECT_EQ(Json::string("1").integer(), std::nullopt);
  EXPECT_EQ(Json::string("1").number_text(), "");
}

TEST(JsonValue, KeepsTheSpellingOfANumber) {
  Json measured = Json::number("14.0");
  EXPECT_EQ(measured.number_text(), "14.0");
  EXPECT_EQ(measured.number(), 14.0);
  EXPECT_NE(measured, Json::number("14"));
  EXPECT_EQ(Json::number(14.0).number_text(), "14");
  EXPECT_EQ(Json::number(0.1).number_text(), "0.1");
  EXPECT_EQ(Json::number(std::numeric_limits<std::uint64_t>::max()).number_text(), "18446744073709551615");
  EXPECT_TRUE(Json::number(std::numeric_limits<double>::infinity()).is_null());
  EXPECT_TRUE(Json::number(std::numeric_limits<double>::quiet_NaN()).is_null());
}

TEST(JsonValue, IsAnIntegerOnlyIfWrittenAsOne) {
  EXPECT_EQ(Json::number("-0").integer(), 0);
  EXPECT_EQ(Json::number("9223372036854775807").integer(), INT64_MAX);
  EXPECT_EQ(Json::number("-9223372036854775808").integer(), INT64_MIN);
  for (const char* spelling : {"9223372036854775808", "-9223372036854775809", "4.0", "4e0", "40E-1"})
    EXPECT_EQ(Json::number(spelling).integer(), std::nullopt) << spelling;
}

TEST(JsonValue, IsNoDoubleBeyondADouble) {
  EXPECT_EQ(Json::number("1.7976931348623157e308").number(), std::numeric_limits<double>::max());
  EXPECT_EQ(Json::number("1e309").number(), std::nullopt);
  EXPECT_EQ(Json::number("-1e400").number(), std::nullopt);
  EXPECT_EQ(Json::number("1e-400").number(), std::nullopt);
  EXPECT_EQ(Json::number("0e-400").number(), 0.0);
}

TEST(JsonValue, LeavesNullBehindWhenMoved) {
  Json from = Json::array().push(Json::number(1));
  Json to = std::move(from);
  EXPECT_TRUE(from.is_null());
  EXPECT_EQ(to_text(to), "[1]");

  Json copy = to;
  copy.push(Json::number(2));
  EXPECT_EQ(to_text(to), "[1]");
  EXPECT_EQ(to_text(copy), "[1,2]");
}

TEST(JsonValue, MayBecomeItsOwnPart) {
  Json json = Json::object().add("a", Json::array().push(Json::string("inner")));
  Json part = *json.find("a");
  json = *json.find("a");  // copied from inside itself
  EXPECT_EQ(json, part);
}

TEST(JsonNumber, FollowsTheGrammar) {
  for (const char* text : {"0", "-0", "1", "10", "-1.5", "0.0", "1e5", "1E+5", "1e-5", "0e0", "123.456e789"})
    EXPECT_TRUE(is_json_number(text)) << text;
  for (const char* text : {"", "-", "+1", "01", "-01", "00", ".5", "1.", "1.e5", "1e", "1e+", "0x1", "1 ", " 1", "1,0", "NaN",
                           "Infinity", "--1", "1.2.3", "1e5.0", "1a"})
    EXPECT_FALSE(is_json_number(text)) << text;
  EXPECT_FALSE(is_json_number(std::string_view("1\0", 2)));
}

}  // namespace
}  // namespace sluice::schema
