// SPDX-License-Identifier: MIT
#include <apps/epro/record/value.hpp>

#include <gtest/gtest.h>

namespace epro {
namespace {

TEST(Value, KnowsTheNumbersOfJson) {
  for (const char* text : {"0", "-0", "7", "-7", "98.6", "14.0", "1e3", "1E+3", "1.5e-3", "120"})
    EXPECT_TRUE(is_json_number(text)) << text;
  for (const char* text : {"", "-", "+5", "05", "-01", ".5", "5.", "1e", "1e+", " 1", "1 ", "<5", "0x10", "NaN", "1,5", "--1"})
    EXPECT_FALSE(is_json_number(text)) << text;
}

TEST(Value, GivesTheNumberOfASpelling) {
  EXPECT_EQ(number_of("98.6"), 98.6);
  EXPECT_EQ(number_of("14.0"), 14.0);
  EXPECT_EQ(number_of("-1e2"), -100.0);
  EXPECT_EQ(number_of("five"), std::nullopt);
}

TEST(Value, HasNoNumberForWhatADoubleCannotHold) {
  EXPECT_EQ(number_of("1e400"), std::nullopt);
  EXPECT_EQ(number_of("1e-400"), std::nullopt);
  EXPECT_TRUE(number_of("1e308"));
}

}  // namespace
}  // namespace epro
