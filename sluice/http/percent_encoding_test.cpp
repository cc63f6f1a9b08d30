// SPDX-License-Identifier: MIT
#include <sluice/http/percent_encoding.hpp>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

TEST(PercentDecode, TurnsEscapesIntoBytes) {
  EXPECT_EQ(percent_decode("a%2Fb%c3%A9+"), "a/b\xC3\xA9+");
  EXPECT_EQ(percent_decode(""), "");
}

TEST(PercentDecode, RefusesMalformedEscapesAndNul) {
  for (const char* text : {"%", "%2", "a%", "%2g", "%g2", "% 2", "%00", "x%00y"}) {
    EXPECT_EQ(percent_decode(text), std::nullopt) << text;
  }
}

TEST(FormDecode, TakesAPlusForABlank) { EXPECT_EQ(form_decode("a+b%2B"), "a b+"); }

TEST(PercentEncode, IsUndoneByDecoding) {
  std::string all;
  for (int byte = 1; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_encode("a/b c"), "a%2Fb%20c");
}

}  // namespace
}  // namespace sluice::http
