// SPDX-License-Identifier: MIT
#include <sluice/schema/internal/nearest_word.hpp>

#include <string>

#include <gtest/gtest.h>

namespace sluice::schema::internal {
namespace {

TEST(NearestWord, ForgivesOneMistakeInThreeLetters) {
  EXPECT_EQ(nearest_word("Prot", {"Host", "Port", "Name"}), "Port") << "two letters swapped";
  EXPECT_EQ(nearest_word("port", {"Host", "Port"}), "Port");
  EXPECT_EQ(nearest_word("Por", {"Port"}), "Port");
  EXPECT_EQ(nearest_word("MaxByte", {"MaxConns", "MaxBytes"}), "MaxBytes");
  EXPECT_EQ(nearest_word("Tiemuot", {"Timeout"}), "Timeout");
  EXPECT_EQ(nearest_word("Colour", {"Host", "Port"}), "");
  EXPECT_EQ(nearest_word("ab", {"cd"}), "");
  EXPECT_EQ(nearest_word("Host", {}), "");
  EXPECT_EQ(nearest_word("", {"Host"}), "");
}

TEST(NearestWord, DoesNotCompareNovels) { EXPECT_EQ(nearest_word(std::string(100'000, 'a'), {"aa"}), ""); }

}  // namespace
}  // namespace sluice::schema::internal
