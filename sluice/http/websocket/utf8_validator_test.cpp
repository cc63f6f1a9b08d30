// SPDX-License-Identifier: MIT
#include <sluice/http/websocket/utf8_validator.hpp>

#include <string>

#include <gtest/gtest.h>

namespace sluice::http::websocket {
namespace {

using namespace std::string_literals;

struct Case {
  const char* what;
  std::string text;
  std::size_t good;  ///< so many bytes pass; the next one is refused at once
  bool is_complete = true;  ///< nothing is begun after them
};

// RFC 3629 §3 and §4; the groups are those of Markus Kuhn's stress test.
const Case kCases[] = {
    {"nothing", "", 0},
    {"ASCII, longer than a word", "The quick brown fox jumps", 25},
    {"ASCII with NUL and DEL", "a\0\x7f"s, 3},
    {"the first and last of two bytes", "\xC2\x80\xDF\xBF", 4},
    {"the first and last of three bytes", "\xE0\xA0\x80\xEF\xBF\xBF", 6},
    {"the neighbours of the surrogates", "\xED\x9F\xBF\xEE\x80\x80", 6},
    {"the first and last of four bytes", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 8},
    {"a word's length of ASCII before a character", "12345678\xCE\xBA" "1234567\xCE\xBA", 19},
    {"a continuation alone", "ab\x80", 2},
    {"an overlong slash of two bytes", "\xC0\xAF", 0},
    {"an overlong of two bytes, the largest", "\xC1\xBF", 0},
    {"an overlong of three bytes", "\xE0\x9F\xBF", 1, false},
    {"an overlong of four bytes", "\xF0\x8F\xBF\xBF", 1, false},
    {"the first surrogate", "\xED\xA0\x80", 1, false},
    {"the last surrogate", "\xED\xBF\xBF", 1, false},
    {"above U+10FFFF", "\xF4\x90\x80\x80", 1, false},
    {"a lead of five bytes", "\xF8\x88\x80\x80\x80", 0},
    {"0xFE", "\xFE", 0},
    {"0xFF behind ASCII in the same word", "1234567\xFF", 7},
    {"cut off behind the lead", "\xCE", 1, false},
    {"cut off before the third byte", "\xE2\x82", 2, false},
    {"cut off before the fourth byte", "\xF0\x9F\x98", 3, false},
    {"a character cut off by the next one", "\xE2\x82\xCE\xBA", 2, false},
    {"a character cut off by ASCII", "\xE2\x82z", 2, false},
};

TEST(Utf8Validator, RefusesTheFirstByteThatCannotBe) {
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.what);
    Utf8Validator validator;
    for (std::size_t at = 0; at < each.text.size(); ++at) {
      ASSERT_EQ(validator.take(each.text.substr(at, 1)), at < each.good) << "byte " << at;
      if (at == each.good) break;
      if (at + 1 == each.good) {
        EXPECT_EQ(validator.is_complete(), each.is_complete);
      }
    }
  }
}

TEST(Utf8Validator, SaysTheSameHoweverATextIsSplit) {
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.what);
    bool is_good = each.good == each.text.size();
    EXPECT_EQ(is_utf8(each.text), is_good && each.is_complete);
    for (std::size_t at = 0; at <= each.text.size(); ++at) {
      Utf8Validator validator;
      EXPECT_EQ(validator.take(each.text.substr(0, at)) && validator.take(each.text.substr(at)), is_good) << at;
    }
  }
}

// Every sequence of three bytes whose first one leads, by the definition: decode, then ask whether the shortest form was used.
TEST(Utf8Validator, AgreesWithTheDefinitionOnEverySequenceOfThreeBytes) {
  for (unsigned value = 0; value < 1U << 20; ++value) {
    unsigned first = 0xE0 | value >> 16, second = value >> 8 & 0xFF, third = value & 0xFF;
    bool continues = (second & 0xC0) == 0x80 && (third & 0xC0) == 0x80;
    unsigned point = (first & 0xF) << 12 | (second & 0x3F) << 6 | (third & 0x3F);
    bool is_good = continues && point >= 0x800 && !(point >= 0xD800 && point <= 0xDFFF);
    std::string text = {static_cast<char>(first), static_cast<char>(second), static_cast<char>(third)};
    ASSERT_EQ(is_utf8(text), is_good) << std::hex << first << " " << second << " " << third;
  }
}

}  // namespace
}  // namespace sluice::http::websocket
