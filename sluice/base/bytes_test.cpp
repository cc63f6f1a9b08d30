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

TEST(LittleEndian, PutsTheLowByteFirst) {
  std::byte raw[5] = {};
  store_little<std::uint32_t>(raw + 1, 0x01020304);  // unaligned on purpose
  EXPECT_EQ(raw[1], std::byte{4});
  EXPECT_EQ(load_little<std::uint32_t>(raw + 1), 0x01020304u);
}

}  // namespace
}  // namespace sluice
