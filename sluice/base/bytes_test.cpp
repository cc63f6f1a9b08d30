// SPDX-License-Identifier: MIT
#include <sluice/base/bytes.hpp>

#include <cstdint>

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Hex, ComesBackAsItWas) {
  std::string bytes("\x00\x7f\xff\x10", 4);
  EXPECT_EQ(to_hex(as_bytes(bytes)), "007fff10");
  EXPECT_EQ(from_hex("007FfF10"), bytes);
}

TEST(Hex, RefusesOddLengthAndOtherCharacters) {
  EXPECT_EQ(from_hex("0"), std::nullopt);
  EXPECT_EQ(from_hex("0g"), std::nullopt);
  EXPECT_EQ(from_hex(""), "");
}

TEST(Base64, MatchesTheVectorsOfRfc4648) {
  const char* const vectors[][2] = {{"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},        {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (auto [bytes, text] : vectors) EXPECT_EQ(to_base64(as_bytes(bytes)), text);
  EXPECT_EQ(to_base64(as_bytes("\xfb\xff\xfe")), "+//+");
}

TEST(LittleEndian, PutsTheLowByteFirst) {
  std::byte raw[5] = {};
  store_little<std::uint32_t>(raw + 1, 0x01020304);  // unaligned on purpose
  EXPECT_EQ(raw[1], std::byte{4});
  EXPECT_EQ(load_little<std::uint32_t>(raw + 1), 0x01020304u);
}

TEST(Bytes, ReadsBase64ForUrls) {
  struct Case {
    std::string_view text;
    std::string_view bytes;
  };
  // RFC 4648 §10, without padding.
  const Case table[] = {{"", ""}, {"Zg", "f"}, {"Zm8", "fo"}, {"Zm9v", "foo"}, {"Zm9vYg", "foob"}, {"-_-_", "\xfb\xff\xbf"}};
  for (const Case& each : table) EXPECT_EQ(from_base64url(each.text), each.bytes) << each.text;
}

TEST(Bytes, RefusesWhatIsNoBase64ForUrls) {
  for (std::string_view text : {"Z", "Zm9vY", "Zg==", "Zm+v", "Zm/v", "Zm 9v", "Zh", "Zm9"}) {
    EXPECT_EQ(from_base64url(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace sluice
