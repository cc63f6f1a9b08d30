// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <vector>

#include <sluice/base/clock.hpp>

#include <apps/epro/record/finding.hpp>
#include <apps/epro/record/flags.hpp>
#include <apps/epro/record/vital_sign.hpp>

namespace epro {

struct Patient;
struct Study;
struct VitalsItem;

/// A rule that a measurement has met. The item is stored all the same.
struct Alert {
  std::string_view rule;  ///< one of the rules below: lives for ever
  Vital vital;

  friend bool operator==(const Alert&, const Alert&) = default;
};

/// A heart rate of 0: a sensor that fell off, or an emergency.
inline constexpr std::string_view kAlertHeartRateZero = "heart-rate-zero";

/// What is to be said about an item; pointers are relative to it. With findings it is quarantined and raises no alert.
struct VitalsVerdict {
  std::vector<Finding> findings;
  Flags flags;
  std::vector<Alert> alerts;

  friend bool operator==(const VitalsVerdict&, const VitalsVerdict&) = default;
};

/// Judges an item by the study's limits. Pure, as judge(). Requires: `patient` is the one that the item names.
[[nodiscard]] VitalsVerdict judge_vitals(const VitalsItem& item, const Study& study, const Patient& patient,
                                         sluice::WallTime received_at);

}  // namespace epro
