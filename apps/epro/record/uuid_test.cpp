// SPDX-License-Identifier: MIT
#include <apps/epro/record/uuid.hpp>

#include <set>

#include <gtest/gtest.h>

namespace epro {
namespace {

TEST(Uuid, IsReadInEitherCaseAndWrittenInLowerCase) {
  auto upper = parse_uuid("6D0F3A52-91B4-4C7E-8A2D-0123456789AB");
  auto lower = parse_uuid("6d0f3a52-91b4-4c7e-8a2d-0123456789ab");
  ASSERT_TRUE(upper);
  EXPECT_EQ(upper, lower);
  EXPECT_EQ(upper->text(), "6d0f3a52-91b4-4c7e-8a2d-0123456789ab");
}

TEST(Uuid, RefusesEveryOtherText) {
  for (const char* text :
       {"", "6d0f3a5291b44c7e8a2d0123456789ab", "6d0f3a52-91b4-4c7e-8a2d-0123456789a",
        "6d0f3a52-91b4-4c7e-8a2d-0123456789abc", "6d0f3a52-91b4-4c7e-8a2d-0123456789ag",
        "6d0f3a52+91b4-4c7e-8a2d-0123456789ab", "{6d0f3a52-91b4-4c7e-8a2d-0123456789}", "6d0f3a529-1b4-4c7e-8a2d-0123456789ab"})
    EXPECT_FALSE(parse_uuid(text)) << text;
}

TEST(Uuid, OfTheSamePartsIsAlwaysTheSame) {
  // The literal pins the derivation: ids in databases depend on it.
  EXPECT_EQ(derive_uuid({"patient", "DEMO", "P001"}).text(), "c435cac5-7961-8749-b09e-20e600d74752");
  EXPECT_EQ(derive_uuid({"patient", "DEMO", "P001"}), derive_uuid({"patient", "DEMO", "P001"}));
}

TEST(Uuid, TellsWhereOnePartEndsAndTheNextBegins) {
  EXPECT_NE(derive_uuid({"a", "bc"}), derive_uuid({"ab", "c"}));
  EXPECT_NE(derive_uuid({"a", ""}), derive_uuid({"a"}));
  EXPECT_NE(derive_uuid({"1:a"}), derive_uuid({"", "a"}));
}

TEST(Uuid, CarriesItsVersionAndVariant) {
  std::string derived = derive_uuid({"x"}).text();
  EXPECT_EQ(derived[14], '8');
  EXPECT_TRUE(std::string_view("89ab").contains(derived[19]));
  EXPECT_EQ(random_uuid({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}).text(), "ffffffff-ffff-4fff-bf00-000000000000");
}

TEST(Uuid, OfALaterTimeComparesGreater) {
  sluice::WallTime at(std::chrono::milliseconds(0x0123'4567'89AB));
  Uuid high = random_uuid({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF});
  EXPECT_EQ(time_ordered_uuid(at, high).text(), "01234567-89ab-7fff-bfff-ffffffffffff");
  EXPECT_LT(time_ordered_uuid(at, high), time_ordered_uuid(at + std::chrono::milliseconds(1), Uuid{}));
}

TEST(Uuid, ComparesAsItsTextDoes) {
  EXPECT_LT(*parse_uuid("0fffffff-0000-0000-0000-000000000000"), *parse_uuid("f0000000-0000-0000-0000-000000000000"));
}

TEST(Uuid, SpreadsIdsThatOnlyCount) {
  std::set<std::size_t> buckets;
  for (std::uint8_t count = 0; count < 64; ++count) {
    Uuid uuid;
    uuid.bytes[15] = count;
    buckets.insert(std::hash<Uuid>()(uuid) % 1024);
  }
  EXPECT_GT(buckets.size(), 48U);
}

}  // namespace
}  // namespace epro
