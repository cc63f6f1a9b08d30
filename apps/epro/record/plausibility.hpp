// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <apps/epro/record/range.hpp>
#include <apps/epro/record/unit.hpp>

namespace epro {

/// What a number turns out to be when it is held against what is plausible and what is possible.
enum class Plausibility : std::uint8_t {
  kPlausible,
  kUnlikely,    ///< possible, but outside the plausible range
  kImpossible,
  kWrongUnit,   ///< impossible as written, and plausible in another unit of the same quantity: 98.6 Cel
};

/// Judges a number whose unit is the ranges' own. Never kWrongUnit.
[[nodiscard]] Plausibility judge_number(double number, const Range& plausible, const Range& possible) noexcept;
/// Judges a number written in `written` by ranges in `reference`. Requires: both are units of one quantity.
[[nodiscard]] Plausibility judge_measurement(double number, const Unit& written, const Unit& reference,
                                             const Range& plausible, const Range& possible) noexcept;

}  // namespace epro
