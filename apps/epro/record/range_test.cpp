// SPDX-License-Identifier: MIT
#include <apps/epro/record/range.hpp>

#include <cmath>

#include <gtest/gtest.h>

namespace epro {
namespace {

TEST(Range, ContainsItsEndsOnlyWhereTheBracketSaysSo) {
  Range closed = *parse_range("[0:10]");
  Range open = *parse_range("(0:10)");
  EXPECT_TRUE(closed.contains(0) && closed.contains(10) && open.contains(0.001));
  EXPECT_FALSE(closed.contains(-0.001) || closed.contains(10.001) || open.contains(0) || open.contains(10));
  EXPECT_FALSE(closed.contains(std::nan("")));
}

TEST(Range, IsUnboundedWhereAnEndIsLeftOut) {
  EXPECT_TRUE(parse_range("[0:)")->contains(1e300));
  EXPECT_TRUE(parse_range("[:3]")->contains(-1e300));
  EXPECT_FALSE(parse_range("[0:)")->contains(-1));
}

TEST(Range, ReadsSignsFractionsAndSinglePoints) {
  EXPECT_EQ(*parse_range("[-1.5:2.25)"), (Range{-1.5, 2.25, true, false}));
  EXPECT_TRUE(parse_range("[4:4]")->contains(4));
}

TEST(Range, RefusesWhatIsNoRange) {
  for (const char* text : {"", "[", "[]", ":", "[:]", "0:10", "[0-10]", "[10:0]", "[4:4)", "(4:4]", "[a:b]", "[0:1", "[0:1]x",
                           "[0:1:2]", "[nan:1]", "[0:inf]", "[ 0:1]", "[1e999:)"})
    EXPECT_FALSE(parse_range(text)) << text;
}

TEST(Range, WritesWhatItReads) {
  for (const char* text : {"[0:10]", "(1:100]", "[0:)", "[:3]", "[-1.5:2.25)", "[0.1:0.3]"})
    EXPECT_EQ(to_text(*parse_range(text)), text);
  EXPECT_EQ(to_text(*parse_range("[-0:10]")), "[0:10]");
}

TEST(Range, KnowsWhetherItLiesWithinAnother) {
  auto within = [](const char* inner, const char* outer) { return parse_range(inner)->lies_within(*parse_range(outer)); };
  EXPECT_TRUE(within("[30:220]", "[0:350]"));
  EXPECT_TRUE(within("[0:350]", "[0:350]"));
  EXPECT_TRUE(within("(0:350)", "(0:350]"));
  EXPECT_FALSE(within("[0:350]", "(0:350]"));
  EXPECT_FALSE(within("[0:)", "[0:350]"));
  EXPECT_FALSE(within("[-1:5]", "[0:350]"));
}

}  // namespace
}  // namespace epro
