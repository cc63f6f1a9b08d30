// SPDX-License-Identifier: MIT
// The factors are those of UCUM 2.1: mm[Hg] 133.322 Pa, [lb_av] 0.45359237 kg, [in_i] 2.54 cm; all exact by definition.
#include <apps/epro/record/unit.hpp>

#include <algorithm>
#include <array>
#include <cmath>

#include <sluice/base/assert.hpp>

namespace epro {
namespace {

constexpr std::array kUnits = {
    Unit{"/min", Quantity::kRate, 0, 1},
    Unit{"mm[Hg]", Quantity::kPressure, 0, 1},
    Unit{"kPa", Quantity::kPressure, 0, 1000 / 133.322},
    Unit{"%", Quantity::kPercentage, 0, 1},
    Unit{"1", Quantity::kPercentage, 0, 100},  // a fraction
    Unit{"Cel", Quantity::kTemperature, 0, 1},
    Unit{"[degF]", Quantity::kTemperature, 32, 5.0 / 9.0},
    Unit{"kg", Quantity::kMass, 0, 1},
    Unit{"g", Quantity::kMass, 0, 0.001},
    Unit{"[lb_av]", Quantity::kMass, 0, 0.45359237},
    Unit{"cm", Quantity::kLength, 0, 1},
    Unit{"[in_i]", Quantity::kLength, 0, 2.54},
};

constexpr double kDecimals = 1e6;

}  // namespace

const Unit* find_unit(std::string_view ucum) noexcept {
  const auto* found = std::ranges::find(kUnits, ucum, &Unit::ucum);
  return found == kUnits.end() ? nullptr : found;
}

const Unit& standard_unit(Quantity quantity) noexcept {
  const auto* found = std::ranges::find(kUnits, quantity, &Unit::quantity);
  SLUICE_ASSERT(found != kUnits.end(), "every quantity has units, the standard one first");
  return *found;
}

std::span<const Unit> all_units() noexcept { return kUnits; }

double convert(double number, const Unit& from, const Unit& to) noexcept {
  SLUICE_ASSERT(from.quantity == to.quantity, "only units of one quantity convert into each other");
  if (&from == &to) return number;
  double converted = (number - from.zero) * from.scale / to.scale + to.zero;
  double rounded = std::round(converted * kDecimals) / kDecimals;
  return std::isfinite(rounded) ? rounded : converted;  // 1e308 has no decimals to round
}

}  // namespace epro
