// SPDX-License-Identifier: MIT
#include <sluice/observe/internal/utf8.hpp>

#include <gtest/gtest.h>

namespace sluice::observe::internal {
namespace {

TEST(Utf8, MeasuresWellFormedCharacters) {
  EXPECT_EQ(utf8_length("a"), 1u);
  EXPECT_EQ(utf8_length("\xc3\xa9x"), 2u);
  EXPECT_EQ(utf8_length("\xe4\xb8\xad"), 3u);
  EXPECT_EQ(utf8_length("\xf0\x9f\x92\xa7"), 4u);
  EXPECT_EQ(utf8_length("\xf4\x8f\xbf\xbf"), 4u);  // U+10FFFF, the last
}

TEST(Utf8, RefusesWhatTheStandardForbids) {
  EXPECT_EQ(utf8_length(""), 0u);
  EXPECT_EQ(utf8_length("\x80"), 0u);              // continuation alone
  EXPECT_EQ(utf8_length("\xc3"), 0u);              // cut
  EXPECT_EQ(utf8_length("\xc3("), 0u);             // not continued
  EXPECT_EQ(utf8_length("\xc0\x80"), 0u);          // overlong
  EXPECT_EQ(utf8_length("\xe0\x9f\xbf"), 0u);      // overlong
  EXPECT_EQ(utf8_length("\xf0\x8f\xbf\xbf"), 0u);  // overlong
  EXPECT_EQ(utf8_length("\xed\xa0\x80"), 0u);      // surrogate
  EXPECT_EQ(utf8_length("\xf4\x90\x80\x80"), 0u);  // above U+10FFFF
  EXPECT_EQ(utf8_length("\xf5\x80\x80\x80"), 0u);
  EXPECT_EQ(utf8_length("\xe4\xb8("), 0u);         // third byte
}

TEST(Utf8, JudgesWholeTexts) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("K\xc3\xb6ln"));
  EXPECT_FALSE(is_utf8("K\xf6ln"));
}

}  // namespace
}  // namespace sluice::observe::internal
