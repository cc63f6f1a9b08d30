// SPDX-License-Identifier: MIT
#include <apps/epro/record/vitals_item.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/schema/json_reader.hpp>
#include <sluice/schema/json_writer.hpp>

#include <apps/epro/record/internal/json_writer.hpp>
#include <apps/epro/record/internal/object_reader.hpp>

namespace epro {
namespace {

using internal::JsonWriter;
using internal::ObjectReader;
using sluice::Result;
using sluice::schema::Json;
using sluice::schema::Member;

constexpr internal::DocumentKind kItem{"invalid-envelope"};
constexpr sluice::schema::JsonLimits kLimits{.depth_max = kVitalsBatchDepthMax};

// ---- reading ----

/// Why what was not measured was not: by the vital sign's name.
Result<std::array<Value, kVitalCount>> read_absent(const ObjectReader& item) {
  std::array<Value, kVitalCount> reasons;
  if (!item.has("absent")) return reasons;
  SLUICE_TRY(ObjectReader absent, item.object("absent"));
  std::array<std::string_view, kVitalCount> names;
  std::ranges::transform(all_vital_signs(), names.begin(), &VitalSign::field);
  SLUICE_TRY(absent.allow_only(names));
  for (const VitalSign& sign : all_vital_signs()) {
    if (!absent.has(sign.field)) continue;
    SLUICE_TRY(std::string reason, absent.identifier(sign.field));
    reasons[static_cast<std::size_t>(sign.vital)] = {ValueKind::kText, std::move(reason)};
  }
  return reasons;
}

Result<std::vector<Measurement>> read_measurements(const ObjectReader& item) {
  SLUICE_TRY(auto reasons, read_absent(item));
  std::vector<Measurement> measurements;
  for (const VitalSign& sign : all_vital_signs()) {
    Measurement measurement{sign.vital, item.value(sign.field), {}, reasons[static_cast<std::size_t>(sign.vital)]};
    if (measurement.value.kind == ValueKind::kMissing && measurement.absent.kind == ValueKind::kMissing) continue;
    if (!sign.unit_field.empty()) measurement.unit = item.value(sign.unit_field);
    measurements.push_back(std::move(measurement));
  }
  return measurements;
}

Result<std::optional<SdtmSource>> read_sdtm(const ObjectReader& item, std::size_t measurements) {
  if (!item.has("sdtm")) return std::nullopt;
  SLUICE_TRY(ObjectReader json, item.object("sdtm"));
  SdtmSource source;
  SLUICE_TRY(source.seq, json.positive("seq"));
  SLUICE_TRY(source.test_code, json.identifier("testCode"));
  if (json.has("unit")) {
    SLUICE_TRY(source.unit, json.identifier("unit"));
  }
  SLUICE_TRY(source.date, json.identifier("date"));
  if (measurements != 1) return item.refuse("sdtm", "belongs to an item of one measurement");
  return source;
}

/// `json` with its members sorted and its ids as `item` has them.
std::string canonical_of(const Json& json, const VitalsItem& item) {
  std::vector<const Member*> members;
  for (const Member& member : json.members())
    if (!member.value.is_null()) members.push_back(&member);
  std::ranges::sort(members, {}, &Member::name);
  JsonWriter canonical;
  canonical.open('{');
  for (const Member* member : members) {
    if (member->name == "id")
      canonical.text("id", item.id.text());
    else if (member->name == "patientId")
      canonical.text("patientId", item.patient_id.text());
    else
      canonical.raw(member->name, sluice::schema::canonical_text(member->value));
  }
  canonical.close('}');
  return std::move(canonical).take();
}

// ---- writing ----

Json json_of(const Value& value) {
  switch (value.kind) {
    case ValueKind::kMissing: return Json::null();
    case ValueKind::kNumber: return Json::number(value.text);
    case ValueKind::kText: return Json::string(value.text);
    case ValueKind::kBoolean: return Json::boolean(value.text == "true");
    case ValueKind::kStructure: break;
  }
  SLUICE_ASSERT(false, "what was made here holds no structures");
  return {};
}

void add_unit(Json& json, std::string_view name, const Value& unit) {
  if (unit.kind == ValueKind::kMissing) return;
  const Json* other = json.find(name);
  SLUICE_ASSERT(other == nullptr || *other == json_of(unit), "the pressures of an item are in one unit");
  if (other == nullptr) json.add(std::string(name), json_of(unit));
}

void add_measurements(Json& json, const std::vector<Measurement>& measurements) {
  Json absent = Json::object();
  for (const Measurement& measurement : measurements) {
    const VitalSign& sign = describe(measurement.vital);
    json.add(std::string(sign.field), json_of(measurement.value));
    add_unit(json, sign.unit_field, measurement.unit);
    if (measurement.absent.kind != ValueKind::kMissing) absent.add(std::string(sign.field), json_of(measurement.absent));
  }
  if (!absent.members().empty()) json.add("absent", std::move(absent));
}

Json json_of(const SdtmSource& source) {
  Json json = Json::object();
  json.add("seq", Json::number(source.seq)).add("testCode", Json::string(source.test_code));
  if (!source.unit.empty()) json.add("unit", Json::string(source.unit));
  json.add("date", Json::string(source.date));
  return json;
}

}  // namespace

Result<VitalsItem> parse_vitals_item(std::string_view text) {
  SLUICE_TRY(Json json, sluice::schema::parse_json(text, kLimits));
  return read_vitals_item(json);
}

Result<VitalsItem> read_vitals_item(const Json& json) {
  SLUICE_TRY(ObjectReader members, ObjectReader::of(json, "", kItem));
  VitalsItem item;
  SLUICE_TRY(item.id, members.uuid("id"));
  SLUICE_TRY(item.patient_id, members.uuid("patientId"));
  SLUICE_TRY(std::string time, members.text("effectiveAt"));
  item.effective_at = parse_timestamp(time);
  SLUICE_TRY(item.measurements, read_measurements(members));
  item.position = members.value("position");
  SLUICE_TRY(item.sdtm, read_sdtm(members, item.measurements.size()));
  item.canonical = canonical_of(json, item);
  return item;
}

std::string canonical_text(const VitalsItem& item) {
  SLUICE_ASSERT(item.effective_at, "what was made here has an instant");
  Json json = Json::object();
  json.add("id", Json::string(item.id.text())).add("patientId", Json::string(item.patient_id.text()));
  json.add("effectiveAt", Json::string(format_timestamp(*item.effective_at)));
  add_measurements(json, item.measurements);
  json.add("position", json_of(item.position));
  if (item.sdtm) json.add("sdtm", json_of(*item.sdtm));
  return canonical_of(json, item);
}

}  // namespace epro
