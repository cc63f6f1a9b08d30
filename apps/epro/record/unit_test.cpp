// SPDX-License-Identifier: MIT
#include <apps/epro/record/unit.hpp>

#include <gtest/gtest.h>

namespace epro {
namespace {

TEST(Unit, ConvertsIntoTheStandardUnit) {
  struct Case {
    double number;
    const char* unit;
    double standard;
  };
  for (const Case& c : {Case{72, "/min", 72}, Case{120, "mm[Hg]", 120}, Case{16, "kPa", 120.010201}, Case{97, "%", 97}, Case{0.97, "1", 97},
                        Case{36.6, "Cel", 36.6}, Case{98.6, "[degF]", 37}, Case{-40, "[degF]", -40}, Case{80, "kg", 80},
                        Case{3200, "g", 3.2}, Case{180, "[lb_av]", 81.646627}, Case{178, "cm", 178},
                        Case{70, "[in_i]", 177.8}}) {
    const Unit* unit = find_unit(c.unit);
    ASSERT_NE(unit, nullptr) << c.unit;
    EXPECT_DOUBLE_EQ(convert(c.number, *unit, standard_unit(unit->quantity)), c.standard) << c.number << ' ' << c.unit;
  }
}

TEST(Unit, ConvertsBackFromTheStandardUnit) {
  EXPECT_DOUBLE_EQ(convert(37, *find_unit("Cel"), *find_unit("[degF]")), 98.6);
  EXPECT_DOUBLE_EQ(convert(1, *find_unit("[lb_av]"), *find_unit("g")), 453.59237);
}

TEST(Unit, IsSpelledAsUcumSpellsIt) {
  for (const char* code : {"", "C", "F", "mmHg", "lb", "KG", "cel", "kg ", "bpm"}) EXPECT_EQ(find_unit(code), nullptr) << code;
}

TEST(Unit, OfTheStandardLeavesANumberAsItIs) {
  for (const Unit& unit : all_units()) {
    const Unit& standard = standard_unit(unit.quantity);
    EXPECT_EQ(standard.quantity, unit.quantity);
    EXPECT_EQ(convert(41.123456789, standard, standard), 41.123456789) << standard.ucum;
  }
}

TEST(Unit, ConvertsHugeNumbersWithoutOverflow) {
  EXPECT_DOUBLE_EQ(convert(1e308, *find_unit("g"), *find_unit("kg")), 1e305);
}

}  // namespace
}  // namespace epro
