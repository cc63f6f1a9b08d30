// SPDX-License-Identifier: MIT
#include <apps/epro/record/datapoint.hpp>

#include <sluice/base/assert.hpp>

#include <apps/epro/record/envelope.hpp>
#include <apps/epro/record/instrument.hpp>
#include <apps/epro/record/unit.hpp>
#include <apps/epro/record/vitals_item.hpp>

namespace epro {
namespace {

/// Fills in the number as written and in `standard`; leaves both empty where there is no number.
void set_number(Datapoint& point, const Unit* standard) {
  if (point.value.kind != ValueKind::kNumber) return;
  point.number = number_of(point.value.text);
  SLUICE_ASSERT(point.number, "an accepted number is one that a double holds");
  const Unit* unit = find_unit(point.unit);
  if (unit == nullptr || standard == nullptr) return;
  point.std_number = convert(*point.number, *unit, *standard);
  point.std_unit = standard->ucum;
}

Datapoint answer_point(const Answer& answer, const ItemDefinition& item) {
  Datapoint point;
  point.code_system = kCodeSystemItems;
  point.code = answer.link_id;
  point.value = answer.value;
  point.absent_reason = answer.absent.text;
  point.unit = answer.unit.text.empty() ? item.unit : answer.unit.text;
  const Unit* unit = find_unit(point.unit);
  set_number(point, unit == nullptr ? nullptr : &standard_unit(unit->quantity));
  return point;
}

Datapoint measurement_point(const Measurement& measurement) {
  const VitalSign& sign = describe(measurement.vital);
  const Unit& standard = standard_unit(sign.quantity);
  Datapoint point;
  point.ordinal = static_cast<int>(measurement.vital);
  point.code_system = kCodeSystemLoinc;
  point.code = sign.loinc;
  point.value = measurement.value;
  point.absent_reason = measurement.absent.text;
  if (measurement.value.kind == ValueKind::kMissing) return point;
  point.unit = measurement.unit.text.empty() ? standard.ucum : measurement.unit.text;
  set_number(point, &standard);
  return point;
}

}  // namespace

std::string_view value_type(ValueKind kind) noexcept {
  switch (kind) {
    case ValueKind::kMissing: return "missing";
    case ValueKind::kNumber: return "number";
    case ValueKind::kText: return "text";
    case ValueKind::kBoolean: return "bool";
    case ValueKind::kStructure: break;
  }
  SLUICE_ASSERT(false, "an accepted value is no structure");
  return {};
}

std::vector<Datapoint> datapoints_of(const Envelope& report, const Instrument& instrument) {
  std::vector<Datapoint> points;
  points.reserve(report.answers.size());
  for (const Answer& answer : report.answers) {
    const ItemDefinition* item = find_item(instrument, answer.link_id);
    SLUICE_ASSERT(item != nullptr, "an accepted report answers questions of its instrument");
    Datapoint& point = points.emplace_back(answer_point(answer, *item));
    point.ordinal = static_cast<int>(points.size()) - 1;
    point.effective_at = report.captured_at->at;
    point.effective_text = format_timestamp(*report.captured_at);
  }
  return points;
}

std::vector<Datapoint> datapoints_of(const VitalsItem& item) {
  std::vector<Datapoint> points;
  points.reserve(item.measurements.size());
  for (const Measurement& measurement : item.measurements) {
    Datapoint& point = points.emplace_back(measurement_point(measurement));
    point.effective_at = item.effective_at->at;
    point.effective_text = item.sdtm ? item.sdtm->date : format_timestamp(*item.effective_at);
    point.position = item.position.text;
  }
  return points;
}

}  // namespace epro
