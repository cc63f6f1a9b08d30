// SPDX-License-Identifier: MIT
#include <apps/epro/record/plausibility.hpp>

#include <apps/epro/record/vital_sign.hpp>

#include <gtest/gtest.h>

namespace epro {
namespace {

Plausibility judge_vital(double number, const char* unit, Vital vital) {
  const VitalLimits& limits = default_vital_limits()[static_cast<std::size_t>(vital)];
  return judge_measurement(number, *find_unit(unit), standard_unit(describe(vital).quantity), limits.plausible,
                           limits.possible);
}

TEST(Plausibility, TellsUnlikelyFromImpossibleAtTheLimits) {
  auto judge_rate = [](double number) { return judge_number(number, Range{30, 220}, Range{0, 350}); };
  EXPECT_EQ(judge_rate(30), Plausibility::kPlausible);
  EXPECT_EQ(judge_rate(220), Plausibility::kPlausible);
  EXPECT_EQ(judge_rate(29.9), Plausibility::kUnlikely);
  EXPECT_EQ(judge_rate(220.1), Plausibility::kUnlikely);
  EXPECT_EQ(judge_rate(0), Plausibility::kUnlikely);
  EXPECT_EQ(judge_rate(350), Plausibility::kUnlikely);
  EXPECT_EQ(judge_rate(-0.1), Plausibility::kImpossible);
  EXPECT_EQ(judge_rate(350.1), Plausibility::kImpossible);
}

TEST(Plausibility, RecognisesNumbersOfAnotherUnit) {
  EXPECT_EQ(judge_vital(98.6, "Cel", Vital::kTemperature), Plausibility::kWrongUnit);
  EXPECT_EQ(judge_vital(36.6, "[degF]", Vital::kTemperature), Plausibility::kWrongUnit);
  EXPECT_EQ(judge_vital(82000, "kg", Vital::kWeight), Plausibility::kWrongUnit);
  EXPECT_EQ(judge_vital(0.97, "%", Vital::kSpo2), Plausibility::kWrongUnit);
  EXPECT_EQ(judge_vital(120, "kPa", Vital::kSystolic), Plausibility::kWrongUnit);
}

TEST(Plausibility, CallsImpossibleWhatNoUnitExplains) {
  EXPECT_EQ(judge_vital(-5, "kg", Vital::kWeight), Plausibility::kImpossible);
  EXPECT_EQ(judge_vital(101, "%", Vital::kSpo2), Plausibility::kImpossible);
  EXPECT_EQ(judge_vital(0, "%", Vital::kSpo2), Plausibility::kImpossible);
  EXPECT_EQ(judge_vital(1e308, "g", Vital::kWeight), Plausibility::kImpossible);
}

TEST(Plausibility, JudgesInTheUnitOfTheRanges) {
  EXPECT_EQ(judge_vital(98.6, "[degF]", Vital::kTemperature), Plausibility::kPlausible);
  EXPECT_EQ(judge_vital(180, "[lb_av]", Vital::kWeight), Plausibility::kPlausible);
  EXPECT_EQ(judge_vital(16, "kPa", Vital::kSystolic), Plausibility::kPlausible);
}

}  // namespace
}  // namespace epro
