// SPDX-License-Identifier: MIT
#include <sluice/schema/json_writer.hpp>

#include <limits>

#include <gtest/gtest.h>

#include <sluice/schema/json_reader.hpp>

namespace sluice::schema {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonWriter, EscapesOnlyWhatItMust) {
  EXPECT_EQ(quoted("a/b <é> \x7F 😀"), "\"a/b <é> \x7F 😀\"");
  EXPECT_EQ(quoted("\"\\\b\f\n\r\t"), R"("\"\\\b\f\n\r\t")");
  EXPECT_EQ(quoted(std::string_view("\0\x1F", 2)), R"("\u0000\u001f")");
  EXPECT_EQ(quoted(""), R"("")");
}

TEST(JsonWriter, MakesJsonEvenOfBytesThatAreNoText) {
  EXPECT_EQ(quoted("a\xFF\"é"), "\"a\xEF\xBF\xBD\\\"é\"");
  EXPECT_EQ(quoted("\xE2\x82"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"") << "a character cut short";
  EXPECT_EQ(quoted("\xED\xA0\x80").find('\xED'), std::string::npos) << "half a surrogate pair";
  EXPECT_TRUE(parse_json(quoted("\xC0\x80\n\xF5")));
}

TEST(JsonWriter, GivesBackWhatWasRead) {
  for (const char* text : {"null", "true", "false", "1e400", "-0.0", R"("é\n")", "[]", "{}",
                           R"({"b":[1,2.50,{"a":null}],"a":{"":0}})"}) {
    auto json = parse_json(text);
    ASSERT_TRUE(json) << text;
    EXPECT_EQ(to_text(*json), text);
  }
}

TEST(JsonWriter, HasOneCanonicalTextForWhatSaysTheSame) {
  auto a = parse_json(R"({"b": [null, {"z": null, "y": 14.0}], "é": 1, "a": "\u0041\/", "B": null})");
  auto b = parse_json(R"({"é": 1, "a": "A/", "b": [null, {"y": 14.0}]})");
  ASSERT_TRUE(a && b);
  EXPECT_EQ(canonical_text(*a), R"({"a":"A/","b":[null,{"y":14.0}],"é":1})");
  EXPECT_EQ(canonical_text(*a), canonical_text(*b));
  EXPECT_EQ(canonical_text(Json::null()), "null");
}

TEST(JsonWriter, WritesDoublesInTheirShortestSpelling) {
  auto written = [](double value) {
    std::string out;
    append_json_number(out, value);
    return out;
  };
  EXPECT_EQ(written(0.1), "0.1");
  EXPECT_EQ(written(37), "37");
  EXPECT_EQ(written(-std::numeric_limits<double>::max()), "-1.7976931348623157e+308");
  EXPECT_EQ(written(std::numeric_limits<double>::quiet_NaN()), "null");
}

}  // namespace
}  // namespace sluice::schema
