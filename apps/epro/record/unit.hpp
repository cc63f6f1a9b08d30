// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace epro {

/// What can be measured in the units that we know.
enum class Quantity : std::uint8_t { kRate, kPressure, kPercentage, kTemperature, kMass, kLength };

/// A unit in UCUM's case-sensitive code, and how it becomes the standard unit of its quantity.
struct Unit {
  std::string_view ucum;
  Quantity quantity;
  double zero;   ///< what this unit shows when the standard unit shows 0
  double scale;  ///< standard units in one of this
};

/// Nothing for a code that is not in the table: "C" (coulomb), "mmHg", "lb", "kg ".
[[nodiscard]] const Unit* find_unit(std::string_view ucum) noexcept;
/// /min, mm[Hg], %, Cel, kg, cm.
[[nodiscard]] const Unit& standard_unit(Quantity quantity) noexcept;
/// All units, those of one quantity side by side and the standard one first.
[[nodiscard]] std::span<const Unit> all_units() noexcept;

/// What `number` of `from` is in `to`, rounded to six decimals: finer than any instrument, and without the dust of binary
/// fractions (98.6 [degF] is 37 Cel, not 36.99999999999999). Requires: both are of one quantity.
[[nodiscard]] double convert(double number, const Unit& from, const Unit& to) noexcept;

}  // namespace epro
