// SPDX-License-Identifier: MIT
#include <apps/epro/record/judge_vitals.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <sluice/base/assert.hpp>

#include <apps/epro/record/judge.hpp>
#include <apps/epro/record/plausibility.hpp>
#include <apps/epro/record/study.hpp>
#include <apps/epro/record/vitals_item.hpp>

namespace epro {
namespace {

std::string pointer_to(std::string_view field) { return "/" + std::string(field); }

/// Two pressures share one unit: what is wrong with it is said once.
void add(VitalsVerdict& verdict, FindingCode code, std::string pointer) {
  Finding finding{code, std::move(pointer)};
  if (std::ranges::find(verdict.findings, finding) == verdict.findings.end()) verdict.findings.push_back(std::move(finding));
}

/// The unit that a measurement is in; null if nobody knows it.
const Unit* unit_of(const Measurement& measurement, const VitalSign& sign) {
  if (measurement.unit.kind == ValueKind::kMissing) return &standard_unit(sign.quantity);
  const Unit* unit = find_unit(measurement.unit.text);
  return unit != nullptr && unit->quantity == sign.quantity ? unit : nullptr;
}

void check_value(const Measurement& measurement, const Unit& unit, const Study& study, VitalsVerdict& verdict) {
  const VitalSign& sign = describe(measurement.vital);
  std::optional<double> number = number_of(measurement.value.text);
  if (!number) return add(verdict, FindingCode::kValueNotAllowed, pointer_to(sign.field));
  const VitalLimits& limits = study.vitals[static_cast<std::size_t>(sign.vital)];
  switch (judge_measurement(*number, unit, standard_unit(sign.quantity), limits.plausible, limits.possible)) {
    case Plausibility::kPlausible: break;
    case Plausibility::kUnlikely: verdict.flags.add(Flag::kOutOfRange); break;
    case Plausibility::kImpossible: return add(verdict, FindingCode::kValueNotAllowed, pointer_to(sign.field));
    case Plausibility::kWrongUnit: return add(verdict, FindingCode::kUnitImplausible, pointer_to(sign.field));
  }
  if (sign.vital == Vital::kHeartRate && *number == 0) verdict.alerts.push_back({kAlertHeartRateZero, sign.vital});
}

void check_measurement(const Measurement& measurement, const Study& study, VitalsVerdict& verdict) {
  const VitalSign& sign = describe(measurement.vital);
  if (measurement.value.kind == ValueKind::kMissing) return;  // absent, with its reason
  if (measurement.absent.kind != ValueKind::kMissing)
    return add(verdict, FindingCode::kValueNotAllowed, "/absent/" + std::string(sign.field));
  if (measurement.value.kind != ValueKind::kNumber)
    return add(verdict, FindingCode::kValueType, pointer_to(sign.field));
  const Unit* unit = unit_of(measurement, sign);
  if (unit == nullptr) {
    bool is_text = measurement.unit.kind == ValueKind::kText;
    return add(verdict, is_text ? FindingCode::kUnitUnknown : FindingCode::kValueType, pointer_to(sign.unit_field));
  }
  check_value(measurement, *unit, study, verdict);
}

/// A pressure cannot be lower at the heart's beat than between two beats: the two were swapped.
void check_blood_pressure(const VitalsItem& item, VitalsVerdict& verdict) {
  std::optional<double> systolic;
  std::optional<double> diastolic;
  for (const Measurement& measurement : item.measurements) {
    if (measurement.vital == Vital::kSystolic) systolic = number_of(measurement.value.text);
    if (measurement.vital == Vital::kDiastolic) diastolic = number_of(measurement.value.text);
  }
  if (systolic && diastolic && *diastolic > *systolic)
    add(verdict, FindingCode::kValueNotAllowed, "/diastolic");
}

void check_position(const Value& position, VitalsVerdict& verdict) {
  if (position.kind == ValueKind::kMissing) return;
  if (position.kind != ValueKind::kText) return add(verdict, FindingCode::kValueType, "/position");
  if (!is_identifier(position.text)) add(verdict, FindingCode::kValueNotAllowed, "/position");
}

bool is_withdrawn(const Patient& patient, const VitalsItem& item) {
  if (patient.status != PatientStatus::kWithdrawn) return false;
  bool measured_before = patient.withdrawn_at && item.effective_at && item.effective_at->at < *patient.withdrawn_at;
  return !measured_before;
}

}  // namespace

VitalsVerdict judge_vitals(const VitalsItem& item, const Study& study, const Patient& patient,
                           sluice::WallTime received_at) {
  SLUICE_ASSERT(item.patient_id == patient.id, "the item is judged for the patient that it names");
  VitalsVerdict verdict;
  if (is_withdrawn(patient, item)) add(verdict, FindingCode::kPatientWithdrawn, "/patientId");
  if (!item.effective_at) add(verdict, item.effective_at.error(), "/effectiveAt");
  if (item.measurements.empty()) add(verdict, FindingCode::kEmpty, "");
  for (const Measurement& measurement : item.measurements) check_measurement(measurement, study, verdict);
  check_blood_pressure(item, verdict);
  check_position(item.position, verdict);
  if (item.effective_at && item.effective_at->at > received_at + kFutureTolerance) verdict.flags.add(Flag::kFuture);
  if (!verdict.findings.empty()) verdict.alerts.clear();
  return verdict;
}

}  // namespace epro
