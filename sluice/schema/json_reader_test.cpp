// SPDX-License-Identifier: MIT
#include <sluice/schema/json_reader.hpp>

#include <string>

#include <gtest/gtest.h>

#include <sluice/schema/json_writer.hpp>

namespace sluice::schema {
namespace {

std::string reason_of(std::string_view text, const JsonLimits& limits = {}) {
  auto json = parse_json(text, limits);
  if (json) return "";
  EXPECT_EQ(json.error().code(), Code::kInvalidArgument);
  return std::string(json.error().reason());
}

std::string repeat(std::string_view text, std::size_t count) {
  std::string repeated;
  for (std::size_t i = 0; i < count; ++i) repeated += text;
  return repeated;
}

TEST(JsonReader, KeepsSpellingAndOrder) {
  auto json = parse_json(" {\"temp\": 14.0 , \"big\":1e400,\t\"list\":[ ], \"a\":{} }\r\n");
  ASSERT_TRUE(json) << json.error().describe();
  EXPECT_EQ(to_text(*json), R"({"temp":14.0,"big":1e400,"list":[],"a":{}})");
}

TEST(JsonReader, ReadsEscapes) {
  auto json = parse_json(R"({"\u0061\n":"\"\\\/\b\f\n\r\t\u00e9\u20AC\uD83D\uDE00\u0000."})");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->members()[0].name, "a\n");
  EXPECT_EQ(json->members()[0].value.text(), std::string("\"\\/\b\f\n\r\té€😀\0.", 19));
}

TEST(JsonReader, RefusesHalfSurrogatePairs) {
  for (const char* text : {R"("\uD800")", R"("\uDC00")", R"("\uD800\uD800")", R"("\uD800\u0041")", R"("\uD800\n")",
                           R"("\uD800x")", R"({"\uDFFF":1})", R"("\uDE00\uD83D")"})
    EXPECT_EQ(reason_of(text), "invalid-utf8") << text;
  for (const char* text : {R"("\uD83D\uDE0")", R"("\uD83D\u")", R"("\u00g0")", R"("\u")", R"("\x")", R"("\'")", R"("\U0041")"})
    EXPECT_EQ(reason_of(text), "malformed-json") << text;
}

TEST(JsonReader, RefusesWhatIsNotUtf8) {
  for (const char* text : {"\"\xFF\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"", "\"\xE2\x82\"", "[1]\xFF"})
    EXPECT_EQ(reason_of(text), "invalid-utf8") << text;
}

TEST(JsonReader, RefusesWhatIsNotJson) {
  for (const char* text :
       {"", " ", "\n", "nul", "nulll", "True", "'a'", "\"a", "\"a\\", "\"a\\\"", "a", "[", "]", "{", "}", "[1", "[1,", "[,1]",
        "[1,]", "[1 2]", "[1:2]", "[\"a\":1]", "[\"a\" \"b\"]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{a:1}", "{1:1}",
        "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{\"a\":1:2}", "{\"a\",1}", "[1]]", "[1]1", "{}{}", "1 2", "1,", "\"a\"\"b\"", "\"a\"b",
        "[1}", "{\"a\":1]", "[[1]", "{\"a\":{\"b\":1}", "[1][", "01", "-", "1.", ".1", "+1", "0x1", "1e", "NaN", "-Infinity",
        "[1]\f", "\v1", "\xC2\xA0[1]", "\xEF\xBB\xBF[1]", "\"\t\"", "\"\n\"", "[1] // x", "/**/1", "[true,fals]", "[truefalse]",
        "[\"a\"true]", "[1\"a\"]", "{\"a\":1}}", ",", ":", "\\", "\"\\u12\""})
    EXPECT_EQ(reason_of(text), "malformed-json") << text;
}

TEST(JsonReader, RefusesNulBytesOutsideAndInsideStrings) {
  for (std::string_view text : {std::string_view("1\0", 2), std::string_view("\0", 1), std::string_view("[1]\0", 4),
                                std::string_view("\"\0\"", 3), std::string_view("[1\0]", 4), std::string_view("\"a\"\0", 4)})
    EXPECT_EQ(reason_of(text), "malformed-json") << text.size();
}

TEST(JsonReader, NamesTheDuplicateMember) {
  auto json = parse_json(R"({"x":1,"device":{"id":1,"i\u0064":2}})");
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error(), Error(Code::kInvalidArgument).because("duplicate-key").at("/device/id"));
  json = parse_json(R"({"items":[{},{"a/b":1,"c":2,"a/b":3,"c":4}]})");
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error().field(), "/items/1/a~1b");
  EXPECT_EQ(reason_of(R"([{"a":1},{"a":1}])"), "") << "two objects, one name each";
}

TEST(JsonReader, FindsDuplicatesInLargeObjectsToo) {
  for (std::size_t count : {15u, 16u, 17u, 18u, 1000u}) {  // on both sides of kPairwiseMax
    std::string text = "{";
    for (std::size_t i = 0; i < count; ++i) text += "\"k" + std::to_string(i) + "\":" + std::to_string(i) + ",";
    EXPECT_EQ(reason_of(text + "\"k\":0}"), "") << count;
    auto twice = parse_json(text + "\"k7\":-1,\"k3\":-2}");
    ASSERT_FALSE(twice) << count;
    EXPECT_EQ(twice.error().field(), "/k7") << "the first in the text";
    auto last = parse_json(text + "\"k7\":-1,\"k3\":-2,\"k7\":-3}", {.duplicate_keys = DuplicateKeys::kLastWins});
    ASSERT_TRUE(last);
    ASSERT_EQ(last->members().size(), count);
    EXPECT_EQ(last->members()[7].value.integer(), -3);
    EXPECT_EQ(last->members()[3].value.integer(), -2);
    EXPECT_EQ(last->members()[count - 1].value.integer(), count - 1);
  }
}

TEST(JsonReader, LetsTheLastDuplicateWinWhereAsked) {
  auto json = parse_json(R"({"a":1,"b":2,"a":[3],"c":4,"a":5})", {.duplicate_keys = DuplicateKeys::kLastWins});
  ASSERT_TRUE(json);
  EXPECT_EQ(to_text(*json), R"({"a":5,"b":2,"c":4})");
}

TEST(JsonReader, StopsAtItsDepth) {
  JsonLimits limits{.depth_max = 3};
  EXPECT_EQ(reason_of("[[[1]]]", limits), "");
  EXPECT_EQ(reason_of(R"([{"a":[]}])", limits), "");
  auto deeper = parse_json(R"([0,{"a":[1,{}]}])", limits);
  ASSERT_FALSE(deeper);
  EXPECT_EQ(deeper.error(), Error(Code::kInvalidArgument).because("too-deep").at("/1/a/1"));
  EXPECT_EQ(reason_of("7", {.depth_max = 0}), "");
  EXPECT_EQ(reason_of("[]", {.depth_max = 0}), "too-deep");

  for (std::size_t depth : {std::size_t{64}, kJsonDepthCeiling}) {
    EXPECT_EQ(reason_of(repeat("[", depth) + repeat("]", depth), {.depth_max = depth}), "");
    EXPECT_EQ(reason_of(repeat("[", depth + 1) + repeat("]", depth + 1), {.depth_max = depth}), "too-deep");
    EXPECT_EQ(reason_of(repeat("{\"a\":", depth) + "1" + repeat("}", depth), {.depth_max = depth}), "");
  }
}

TEST(JsonReader, StopsAtItsSize) {
  EXPECT_EQ(reason_of("[12]", {.bytes_max = 4}), "");
  EXPECT_EQ(reason_of("[12] ", {.bytes_max = 4}), "too-large");
}

TEST(JsonReader, TakesHostileTextsCalmly) {
  constexpr std::size_t kMiB = 1024 * 1024;
  EXPECT_NE(reason_of(repeat("[", 5000)), "");
  EXPECT_NE(reason_of(std::string(10 * kMiB, '[')), "");
  EXPECT_NE(reason_of(std::string(10 * kMiB, '{')), "");
  EXPECT_NE(reason_of(repeat("{\"a\":", kMiB)), "");
  EXPECT_EQ(reason_of(std::string(10 * kMiB, ']')), "malformed-json");
  EXPECT_EQ(reason_of(std::string(10 * kMiB, '"')), "malformed-json");
  EXPECT_EQ(reason_of(std::string(10 * kMiB, '\\')), "malformed-json");
  EXPECT_EQ(reason_of(std::string(10 * kMiB, ' ')), "malformed-json");
  EXPECT_EQ(reason_of(std::string(10 * kMiB, '\0')), "malformed-json");
  EXPECT_EQ(reason_of("\"" + std::string(10 * kMiB, 'a')), "malformed-json");
  EXPECT_EQ(reason_of(std::string(10 * kMiB, '7')), "") << "a long number is a number";
  EXPECT_EQ(reason_of("{" + repeat("\"k\":0,", kMiB) + "\"k\":0}"), "duplicate-key");
}

TEST(JsonReader, PutsNothingOfTheTextIntoAnError) {
  std::string secret = "Jane-Doe";
  for (const std::string& text : {"\"" + secret, "{\"a\":" + secret + "}", "{\"a\":\"" + secret + "\",\"a\":1}"}) {
    auto json = parse_json(text);
    ASSERT_FALSE(json);
    EXPECT_EQ(json.error().describe().find(secret), std::string::npos) << json.error().describe();
  }
}

TEST(JsonReader, CountsValuesWhereverTheyAre) {
  EXPECT_TRUE(parse_json("[1,2,[3]]", {.values_max = 5}));
  for (const char* text : {"[1,2,[3,4]]", "[1,2,3,4,5]", R"({"a":[1,2,3],"b":{"c":1}})"}) {
    auto json = parse_json(text, {.values_max = 5});
    ASSERT_FALSE(json) << text;
    EXPECT_EQ(json.error().reason(), "too-large");
  }
}

}  // namespace
}  // namespace sluice::schema
