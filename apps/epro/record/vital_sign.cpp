// SPDX-License-Identifier: MIT
#include <apps/epro/record/vital_sign.hpp>

#include <algorithm>

namespace epro {
namespace {

constexpr std::array<VitalSign, kVitalCount> kVitalSigns = {{
    {Vital::kHeartRate, "heartRate", "", "8867-4", Quantity::kRate},
    {Vital::kSystolic, "systolic", "unit", "8480-6", Quantity::kPressure},
    {Vital::kDiastolic, "diastolic", "unit", "8462-4", Quantity::kPressure},
    {Vital::kRespiratoryRate, "respiratoryRate", "", "9279-1", Quantity::kRate},
    {Vital::kSpo2, "spo2", "", "2708-6", Quantity::kPercentage},
    {Vital::kTemperature, "temperature", "temperatureUnit", "8310-5", Quantity::kTemperature},
    {Vital::kWeight, "weight", "weightUnit", "29463-7", Quantity::kMass},
    {Vital::kHeight, "height", "heightUnit", "8302-2", Quantity::kLength},
}};

// A heart rate of 0 is possible: a lead that fell off, or an emergency; it raises an alert. An oxygen saturation of at
// most 1 % is a fraction in place of a percentage. 10 to 47 Cel spans the coldest and the hottest survivors, so that
// a Fahrenheit number taken for Celsius (98.6), and the other way round (36.6 [degF] = 2.6 Cel), falls outside.
constexpr AllVitalLimits kDefaultLimits = {{
    {.plausible = {30, 220}, .possible = {0, 350}},
    {.plausible = {60, 250}, .possible = {0, 400}},
    {.plausible = {30, 150}, .possible = {0, 300}},
    {.plausible = {6, 60}, .possible = {0, 150}},
    {.plausible = {70, 100}, .possible = {1, 100, false}},
    {.plausible = {34, 42}, .possible = {10, 47}},
    {.plausible = {30, 250}, .possible = {0.2, 700}},
    {.plausible = {100, 230}, .possible = {20, 280}},
}};

}  // namespace

std::span<const VitalSign> all_vital_signs() noexcept { return kVitalSigns; }

const VitalSign& describe(Vital vital) noexcept { return kVitalSigns[static_cast<std::size_t>(vital)]; }

const VitalSign* find_vital_sign(std::string_view field) noexcept {
  const auto* found = std::ranges::find(kVitalSigns, field, &VitalSign::field);
  return found == kVitalSigns.end() ? nullptr : found;
}

const AllVitalLimits& default_vital_limits() noexcept { return kDefaultLimits; }

}  // namespace epro
