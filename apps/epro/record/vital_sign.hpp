// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <apps/epro/record/range.hpp>
#include <apps/epro/record/unit.hpp>

namespace epro {

/// The vital signs that an item of a batch can carry, in the order of its fields.
enum class Vital : std::uint8_t {
  kHeartRate,
  kSystolic,
  kDiastolic,
  kRespiratoryRate,
  kSpo2,
  kTemperature,
  kWeight,
  kHeight,
};
inline constexpr std::size_t kVitalCount = 8;

/// What a measurement can be, in the standard unit. Outside `possible` it is quarantined, outside `plausible` flagged.
struct VitalLimits {
  Range plausible;
  Range possible;

  friend bool operator==(const VitalLimits&, const VitalLimits&) = default;
};
/// One entry per vital sign, in the order of `Vital`.
using AllVitalLimits = std::array<VitalLimits, kVitalCount>;

/// One row of the table of vital signs (clinical.md §2.9).
struct VitalSign {
  Vital vital;
  std::string_view field;       ///< its name in an item: "heartRate"
  std::string_view unit_field;  ///< the name of its unit in an item; empty: always in the standard unit
  std::string_view loinc;
  Quantity quantity;            ///< the default unit is the quantity's standard unit
};

/// All of them, in the order of `Vital`.
[[nodiscard]] std::span<const VitalSign> all_vital_signs() noexcept;
[[nodiscard]] const VitalSign& describe(Vital vital) noexcept;
/// By the name in an item; nothing for another name.
[[nodiscard]] const VitalSign* find_vital_sign(std::string_view field) noexcept;

/// The limits where a study sets none: for adults at rest, wide enough that what lies outside `possible` is a typing
/// error or a wrong unit. They are bounds of sense, no medical advice.
[[nodiscard]] const AllVitalLimits& default_vital_limits() noexcept;

}  // namespace epro
