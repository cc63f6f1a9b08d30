// SPDX-License-Identifier: MIT
#include <apps/epro/record/plausibility.hpp>

#include <algorithm>

namespace epro {

Plausibility judge_number(double number, const Range& plausible, const Range& possible) noexcept {
  if (!possible.contains(number)) return Plausibility::kImpossible;
  return plausible.contains(number) ? Plausibility::kPlausible : Plausibility::kUnlikely;
}

Plausibility judge_measurement(double number, const Unit& written, const Unit& reference, const Range& plausible,
                               const Range& possible) noexcept {
  Plausibility as_written = judge_number(convert(number, written, reference), plausible, possible);
  if (as_written != Plausibility::kImpossible) return as_written;
  bool fits_another = std::ranges::any_of(all_units(), [&](const Unit& other) {
    return other.quantity == reference.quantity && plausible.contains(convert(number, other, reference));
  });
  return fits_another ? Plausibility::kWrongUnit : Plausibility::kImpossible;
}

}  // namespace epro
