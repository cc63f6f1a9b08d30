// SPDX-License-Identifier: MIT
#include <sluice/governance/internal/sip_hash.hpp>

#include <string>

#include <gtest/gtest.h>

namespace sluice::governance::internal {
namespace {

constexpr std::array<std::uint64_t, 2> kKey{0x0706050403020100, 0x0f0e0d0c0b0a0908};

TEST(SipHash, MatchesTheVectorOfItsPaper) {
  std::string message;
  for (char byte = 0; byte < 15; ++byte) message += byte;
  EXPECT_EQ(sip_hash(message, kKey), 0xa129ca6149be45e5u);  // appendix A
}

TEST(SipHash, MatchesTheReferenceForShortAndWholeWords) {
  EXPECT_EQ(sip_hash("", kKey), 0x726fdb47dd0e0e31u);
  EXPECT_EQ(sip_hash(std::string(1, '\0'), kKey), 0x74f839c593dc67fdu);
  EXPECT_EQ(sip_hash(std::string("\0\1\2\3\4\5\6\7", 8), kKey), 0x93f5f5799a932462u);
}

TEST(SipHash, DependsOnTheKey) { EXPECT_NE(sip_hash("a", kKey), sip_hash("a", {0, 0})); }

}  // namespace
}  // namespace sluice::governance::internal
