// SPDX-License-Identifier: MIT
#include <apps/epro/record/study_json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

#include <sluice/schema/duration.hpp>
#include <sluice/schema/json_reader.hpp>
#include <sluice/schema/yaml.hpp>

#include <apps/epro/record/internal/json_writer.hpp>
#include <apps/epro/record/internal/object_reader.hpp>
#include <apps/epro/record/timestamp.hpp>

namespace epro {
namespace {

using internal::JsonWriter;
using internal::ObjectReader;
using sluice::Result;
using sluice::schema::Json;
using std::chrono::milliseconds;

constexpr internal::DocumentKind kStudy{"invalid-study"};

// ---- reading: single members ----

constexpr std::array kPolicies = {AckPolicy::kFsync, AckPolicy::kMirror, AckPolicy::kQuorum};
constexpr std::array kItemTypes = {ItemType::kInteger, ItemType::kDecimal, ItemType::kBoolean, ItemType::kChoice,
                                   ItemType::kText};

/// The one of `all` whose word it is.
template <class Enum, std::size_t kCount>
Result<Enum> read_word(const ObjectReader& json, std::string_view name, const std::array<Enum, kCount>& all) {
  SLUICE_TRY(std::string word, json.text(name));
  for (Enum one : all)
    if (to_string(one) == word) return one;
  return json.refuse(name, "is none of its words");
}

Result<milliseconds> read_duration(const ObjectReader& json, std::string_view name) {
  SLUICE_TRY(std::string text, json.text(name));
  auto length = sluice::schema::parse_duration(text);
  if (!length || *length % milliseconds(1) != sluice::Duration::zero())
    return json.refuse(name, "is no length of time in whole milliseconds, such as 2m or 1h30m");
  return std::chrono::duration_cast<milliseconds>(*length);
}

Result<std::optional<Range>> read_range(const ObjectReader& json, std::string_view name) {
  if (!json.has(name)) return std::nullopt;
  SLUICE_TRY(std::string text, json.text(name));
  std::optional<Range> range = parse_range(text);
  if (!range) return json.refuse(name, "is no range such as [0:10] or [0:)");
  return range;
}

Result<std::chrono::minutes> read_window_end(const ObjectReader& json, std::string_view name) {
  SLUICE_TRY(std::string text, json.text(name));
  auto end = parse_window_end(text);
  if (!end) return json.refuse(name, "is no time of day such as 17:00, or 10:00+1d");
  return *end;
}

// ---- reading: the parts ----

constexpr std::array<std::string_view, 6> kHeadMembers = {"oid", "title", "region", "ackPolicy", "skewFlag", "lateGrace"};
constexpr std::array<std::string_view, 3> kSiteMembers = {"id", "country", "tz"};
constexpr std::array<std::string_view, 5> kPatientMembers = {"id", "site", "subjectKey", "status", "withdrawnAt"};
constexpr std::array<std::string_view, 4> kInstrumentMembers = {"oid", "version", "items", "window"};
constexpr std::array<std::string_view, 8> kItemMembers = {"linkId", "type", "range", "plausible", "possible", "unit",
                                                          "maxLength", "options"};
constexpr std::array<std::string_view, 4> kWindowMembers = {"opens", "due", "closes", "daily"};
constexpr std::array<std::string_view, 2> kLimitsMembers = {"plausible", "possible"};
constexpr std::array<std::string_view, 5> kStudyMembers = {"study", "sites", "patients", "instruments", "vitals"};

Result<void> read_head(const ObjectReader& document, Study& study) {
  SLUICE_TRY(ObjectReader json, document.object("study"));
  SLUICE_TRY(json.allow_only(kHeadMembers));
  SLUICE_TRY(study.oid, json.text("oid"));
  SLUICE_TRY(study.title, json.text("title"));
  SLUICE_TRY(study.region, json.text("region"));
  if (json.has("ackPolicy")) {
    SLUICE_TRY(study.ack_policy, read_word(json, "ackPolicy", kPolicies));
  }
  if (json.has("skewFlag")) {
    SLUICE_TRY(study.skew_flag, read_duration(json, "skewFlag"));
  }
  if (json.has("lateGrace")) {
    SLUICE_TRY(study.late_grace, read_duration(json, "lateGrace"));
  }
  return {};
}

Result<Site> read_site(const ObjectReader& json) {
  SLUICE_TRY(json.allow_only(kSiteMembers));
  Site site;
  SLUICE_TRY(site.id, json.text("id"));
  SLUICE_TRY(site.country, json.text("country"));
  SLUICE_TRY(site.tz, json.text("tz"));
  return site;
}

Result<PatientStatus> read_status(const ObjectReader& json) {
  SLUICE_TRY(std::string word, json.text("status"));
  std::optional<PatientStatus> status = parse_patient_status(word);
  if (!status) return json.refuse("status", "is none of its words");
  return *status;
}

Result<sluice::WallTime> read_instant(const ObjectReader& json, std::string_view name) {
  SLUICE_TRY(std::string text, json.text(name));
  auto time = parse_timestamp(text);
  if (!time) return json.refuse(name, "is no time with an offset from UTC");
  return time->at;
}

Result<Patient> read_patient(const ObjectReader& json, std::string_view study_oid) {
  SLUICE_TRY(json.allow_only(kPatientMembers));
  Patient patient;
  SLUICE_TRY(patient.site, json.text("site"));
  SLUICE_TRY(patient.subject_key, json.text("subjectKey"));
  if (json.has("id")) {
    SLUICE_TRY(patient.id, json.uuid("id"));
  } else {
    patient.id = patient_id_of(study_oid, patient.subject_key);
  }
  if (json.has("status")) {
    SLUICE_TRY(patient.status, read_status(json));
  }
  if (json.has("withdrawnAt")) {
    SLUICE_TRY(patient.withdrawn_at, read_instant(json, "withdrawnAt"));
  }
  return patient;
}

Result<std::vector<std::string>> read_options(const ObjectReader& json) {
  std::vector<std::string> options;
  if (!json.has("options")) return options;
  SLUICE_TRY(auto list, json.list("options"));
  for (const Json& option : list) {
    if (!option.is_string()) return json.refuse("options", "holds something that is no text");
    options.push_back(option.text());
  }
  return options;
}

Result<ItemDefinition> read_item(const ObjectReader& json) {
  SLUICE_TRY(json.allow_only(kItemMembers));
  ItemDefinition item;
  SLUICE_TRY(item.link_id, json.text("linkId"));
  SLUICE_TRY(item.type, read_word(json, "type", kItemTypes));
  SLUICE_TRY(item.range, read_range(json, "range"));
  SLUICE_TRY(item.plausible, read_range(json, "plausible"));
  SLUICE_TRY(item.possible, read_range(json, "possible"));
  if (json.has("unit")) {
    SLUICE_TRY(item.unit, json.identifier("unit"));
  }
  if (json.has("maxLength")) {
    SLUICE_TRY(std::int64_t length, json.positive("maxLength"));
    item.max_length = static_cast<std::size_t>(length);
  }
  SLUICE_TRY(item.options, read_options(json));
  return item;
}

Result<std::optional<WindowDefinition>> read_window(const ObjectReader& instrument) {
  if (!instrument.has("window")) return std::nullopt;
  SLUICE_TRY(ObjectReader json, instrument.object("window"));
  SLUICE_TRY(json.allow_only(kWindowMembers));
  WindowDefinition window;
  SLUICE_TRY(window.opens, read_window_end(json, "opens"));
  SLUICE_TRY(window.due, read_window_end(json, "due"));
  SLUICE_TRY(window.closes, read_window_end(json, "closes"));
  if (json.has("daily")) {
    SLUICE_TRY(window.is_daily, json.boolean("daily"));
  }
  return window;
}

/// Reads each object of a list; a list that is not given is empty.
template <class Part, class Read>
Result<std::vector<Part>> read_list(const ObjectReader& parent, std::string_view name, Read read) {
  std::vector<Part> parts;
  if (!parent.has(name)) return parts;
  SLUICE_TRY(auto list, parent.list(name));
  parts.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    SLUICE_TRY(ObjectReader json, parent.element(name, i, list[i]));
    SLUICE_TRY(Part part, read(json));
    parts.push_back(std::move(part));
  }
  return parts;
}

Result<Instrument> read_instrument(const ObjectReader& json) {
  SLUICE_TRY(json.allow_only(kInstrumentMembers));
  Instrument instrument;
  SLUICE_TRY(instrument.oid, json.text("oid"));
  SLUICE_TRY(instrument.version, json.text("version"));
  SLUICE_TRY(instrument.items, read_list<ItemDefinition>(json, "items", read_item));
  SLUICE_TRY(instrument.window, read_window(json));
  return instrument;
}

Result<void> read_vitals(const ObjectReader& document, AllVitalLimits& all) {
  if (!document.has("vitals")) return {};
  SLUICE_TRY(ObjectReader vitals, document.object("vitals"));
  std::array<std::string_view, kVitalCount> names;
  std::ranges::transform(all_vital_signs(), names.begin(), &VitalSign::field);
  SLUICE_TRY(vitals.allow_only(names));
  for (const VitalSign& sign : all_vital_signs()) {
    if (!vitals.has(sign.field)) continue;
    SLUICE_TRY(ObjectReader json, vitals.object(sign.field));
    SLUICE_TRY(json.allow_only(kLimitsMembers));
    VitalLimits& limits = all[static_cast<std::size_t>(sign.vital)];
    SLUICE_TRY(auto plausible, read_range(json, "plausible"));
    SLUICE_TRY(auto possible, read_range(json, "possible"));
    limits = {plausible.value_or(limits.plausible), possible.value_or(limits.possible)};
  }
  return {};
}

// ---- writing: members sorted, nothing left to defaults ----

void write_instruments(JsonWriter& json, const Study& study) {
  json.key("instruments").open('[');
  for (const Instrument& instrument : study.instruments) json.raw(canonical_text(instrument));
  json.close(']');
}

void write_patients(JsonWriter& json, const Study& study) {
  json.key("patients").open('[');
  for (const Patient& patient : study.patients) {
    json.open('{').text("id", patient.id.text()).text("site", patient.site);
    json.text("status", to_string(patient.status)).text("subjectKey", patient.subject_key);
    if (patient.withdrawn_at) json.text("withdrawnAt", format_timestamp(*patient.withdrawn_at));
    json.close('}');
  }
  json.close(']');
}

void write_sites(JsonWriter& json, const Study& study) {
  json.key("sites").open('[');
  for (const Site& site : study.sites)
    json.open('{').text("country", site.country).text("id", site.id).text("tz", site.tz).close('}');
  json.close(']');
}

void write_head(JsonWriter& json, const Study& study) {
  json.key("study").open('{').text("ackPolicy", to_string(study.ack_policy));
  json.text("lateGrace", std::to_string(study.late_grace.count()) + "ms");
  json.text("oid", study.oid).text("region", study.region);
  json.text("skewFlag", std::to_string(study.skew_flag.count()) + "ms").text("title", study.title).close('}');
}

void write_vitals(JsonWriter& json, const Study& study) {
  std::array<const VitalSign*, kVitalCount> signs;
  std::ranges::transform(all_vital_signs(), signs.begin(), [](const VitalSign& sign) { return &sign; });
  std::ranges::sort(signs, {}, &VitalSign::field);
  json.key("vitals").open('{');
  for (const VitalSign* sign : signs) {
    const VitalLimits& limits = study.vitals[static_cast<std::size_t>(sign->vital)];
    json.key(sign->field).open('{').text("plausible", to_text(limits.plausible));
    json.text("possible", to_text(limits.possible)).close('}');
  }
  json.close('}');
}

enum class Patients : bool { kLeftOut, kIncluded };

std::string write(const Study& study, Patients patients) {
  JsonWriter json;
  json.open('{');
  write_instruments(json, study);
  if (patients == Patients::kIncluded) write_patients(json, study);
  write_sites(json, study);
  write_head(json, study);
  write_vitals(json, study);
  json.close('}');
  return std::move(json).take();
}

}  // namespace

Result<Study> read_study(const Json& json) {
  SLUICE_TRY(ObjectReader document, ObjectReader::of(json, "", kStudy));
  SLUICE_TRY(document.allow_only(kStudyMembers));
  Study study;
  SLUICE_TRY(read_head(document, study));
  auto read_one = [&](const ObjectReader& patient) { return read_patient(patient, study.oid); };
  SLUICE_TRY(study.sites, read_list<Site>(document, "sites", read_site));
  SLUICE_TRY(study.patients, read_list<Patient>(document, "patients", read_one));
  SLUICE_TRY(study.instruments, read_list<Instrument>(document, "instruments", read_instrument));
  SLUICE_TRY(read_vitals(document, study.vitals));
  SLUICE_TRY(check(study));
  return study;
}

Result<Study> parse_study(std::string_view text) {
  SLUICE_TRY(Json json, sluice::schema::parse_json(text));
  return read_study(json);
}

Result<Study> parse_study_yaml(std::string_view yaml) {
  SLUICE_TRY(Json json, sluice::schema::parse_yaml(yaml));
  return read_study(json);
}

Result<Instrument> parse_instrument(std::string_view text) {
  SLUICE_TRY(Json json, sluice::schema::parse_json(text));
  SLUICE_TRY(ObjectReader members, ObjectReader::of(json, "", kStudy));
  return read_instrument(members);
}

std::string canonical_text(const Study& study) { return write(study, Patients::kIncluded); }

std::string definition_text(const Study& study) { return write(study, Patients::kLeftOut); }

}  // namespace epro
