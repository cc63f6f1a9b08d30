// SPDX-License-Identifier: MIT
#include <apps/epro/record/vital_sign.hpp>

#include <gtest/gtest.h>

namespace epro {
namespace {

TEST(VitalSign, StandsInTheTableAtItsOwnPlace) {
  ASSERT_EQ(all_vital_signs().size(), kVitalCount);
  for (const VitalSign& sign : all_vital_signs()) {
    EXPECT_EQ(describe(sign.vital).field, sign.field);
    EXPECT_EQ(find_vital_sign(sign.field), &sign);
  }
  EXPECT_EQ(find_vital_sign("bmi"), nullptr);
}

TEST(VitalSign, IsPlausibleOnlyWhereItIsPossible) {
  for (const VitalLimits& limits : default_vital_limits()) EXPECT_TRUE(limits.plausible.lies_within(limits.possible));
}

}  // namespace
}  // namespace epro
