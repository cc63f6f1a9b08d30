// SPDX-License-Identifier: MIT
#include <apps/epro/record/study.hpp>

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include <sluice/base/assert.hpp>

namespace epro {
namespace {

using sluice::Result;

std::unexpected<sluice::Error> refuse(std::string pointer, std::string_view why) {
  return sluice::fail(
      sluice::Error(sluice::Code::kInvalidArgument, std::string(why)).because("invalid-study").at(std::move(pointer)));
}

std::string element(std::string_view list, std::size_t index) {
  return "/" + std::string(list) + "/" + std::to_string(index);
}

Result<void> check_identifier(std::string_view text, std::string pointer) {
  if (!is_identifier(text)) return refuse(std::move(pointer), "is empty, too long or holds a control character");
  return {};
}

/// A study's oid is a segment of every path of the API, so it needs no escapes.
bool is_path_segment(std::string_view text) {
  constexpr std::string_view kUnreserved = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return is_identifier(text) && text.find_first_not_of(kUnreserved) == std::string_view::npos && text != "." && text != "..";
}

Result<void> check_head(const Study& study) {
  if (!is_path_segment(study.oid)) return refuse("/study/oid", "may hold letters, digits, '.', '_' and '-' only");
  SLUICE_TRY(check_identifier(study.title, "/study/title"));
  SLUICE_TRY(check_identifier(study.region, "/study/region"));
  if (study.skew_flag.count() < 0) return refuse("/study/skewFlag", "is negative");
  if (study.late_grace.count() < 0) return refuse("/study/lateGrace", "is negative");
  return {};
}

Result<void> check_sites(const Study& study) {
  std::unordered_set<std::string_view> ids;
  for (std::size_t i = 0; i < study.sites.size(); ++i) {
    const Site& site = study.sites[i];
    const std::string pointer = element("sites", i);
    SLUICE_TRY(check_identifier(site.id, pointer + "/id"));
    SLUICE_TRY(check_identifier(site.country, pointer + "/country"));
    SLUICE_TRY(check_identifier(site.tz, pointer + "/tz"));
    if (!ids.insert(site.id).second) return refuse(pointer + "/id", "is the id of an earlier site");
  }
  return {};
}

Result<void> check_patients(const Study& study) {
  std::unordered_set<std::string_view> sites;
  for (const Site& site : study.sites) sites.insert(site.id);
  std::unordered_set<Uuid> ids;
  std::unordered_set<std::string_view> keys;
  for (std::size_t i = 0; i < study.patients.size(); ++i) {
    const Patient& patient = study.patients[i];
    const std::string pointer = element("patients", i);
    SLUICE_TRY(check_identifier(patient.subject_key, pointer + "/subjectKey"));
    if (!sites.contains(patient.site)) return refuse(pointer + "/site", "is no site of this study");
    if (!ids.insert(patient.id).second) return refuse(pointer + "/id", "is the id of an earlier patient");
    if (!keys.insert(patient.subject_key).second) return refuse(pointer + "/subjectKey", "is the key of an earlier patient");
    if (patient.withdrawn_at && patient.status != PatientStatus::kWithdrawn)
      return refuse(pointer + "/withdrawnAt", "belongs to the status 'withdrawn' only");
  }
  return {};
}

Result<void> check_ranges(const ItemDefinition& item, const std::string& pointer) {
  bool is_number = item.type == ItemType::kInteger || item.type == ItemType::kDecimal;
  for (auto [range, name] : {std::pair(&item.range, "/range"), {&item.plausible, "/plausible"}, {&item.possible, "/possible"}})
    if (*range && !is_number) return refuse(pointer + name, "belongs to numbers only");
  if (!item.unit.empty() && !is_number) return refuse(pointer + "/unit", "belongs to numbers only");
  if (item.plausible && item.possible && !item.plausible->lies_within(*item.possible))
    return refuse(pointer + "/plausible", "reaches beyond what is possible");
  return {};
}

Result<void> check_item(const ItemDefinition& item, const std::string& pointer) {
  SLUICE_TRY(check_identifier(item.link_id, pointer + "/linkId"));
  SLUICE_TRY(check_ranges(item, pointer));
  if (item.max_length > kTextLengthMax) return refuse(pointer + "/maxLength", "is too large");
  if (item.max_length > 0 && item.type != ItemType::kText) return refuse(pointer + "/maxLength", "belongs to texts only");
  if (item.options.empty() == (item.type == ItemType::kChoice))
    return refuse(pointer + "/options", "belongs to a choice, and a choice needs it");
  for (std::size_t i = 0; i < item.options.size(); ++i)
    SLUICE_TRY(check_identifier(item.options[i], pointer + element("options", i)));
  return {};
}

Result<void> check_window(const WindowDefinition& window, const std::string& pointer) {
  using std::chrono::days;
  if (window.opens.count() < 0 || window.opens >= days(1)) return refuse(pointer + "/opens", "lies outside its nominal day");
  if (window.due < window.opens) return refuse(pointer + "/due", "comes before the window opens");
  if (window.closes < window.due) return refuse(pointer + "/closes", "comes before the report is due");
  if (window.closes >= days(kWindowDaysMax + 1)) return refuse(pointer + "/closes", "comes too many days later");
  return {};
}

Result<void> check_instrument(const Instrument& instrument, const std::string& pointer) {
  SLUICE_TRY(check_identifier(instrument.oid, pointer + "/oid"));
  SLUICE_TRY(check_identifier(instrument.version, pointer + "/version"));
  if (instrument.items.empty()) return refuse(pointer + "/items", "is empty");
  std::unordered_set<std::string_view> link_ids;
  for (std::size_t i = 0; i < instrument.items.size(); ++i) {
    const std::string item = pointer + element("items", i);
    SLUICE_TRY(check_item(instrument.items[i], item));
    if (!link_ids.insert(instrument.items[i].link_id).second) return refuse(item + "/linkId", "is that of an earlier item");
  }
  if (instrument.window) SLUICE_TRY(check_window(*instrument.window, pointer + "/window"));
  return {};
}

Result<void> check_instruments(const Study& study) {
  for (std::size_t i = 0; i < study.instruments.size(); ++i) {
    const Instrument& instrument = study.instruments[i];
    SLUICE_TRY(check_instrument(instrument, element("instruments", i)));
    if (find_instrument(study, instrument.oid, instrument.version) != &instrument)
      return refuse(element("instruments", i) + "/version", "is that of an earlier instrument of this oid");
  }
  return {};
}

Result<void> check_vitals(const Study& study) {
  for (const VitalSign& sign : all_vital_signs()) {
    const VitalLimits& limits = study.vitals[static_cast<std::size_t>(sign.vital)];
    if (!limits.plausible.lies_within(limits.possible))
      return refuse("/vitals/" + std::string(sign.field) + "/plausible", "reaches beyond what is possible");
  }
  return {};
}

}  // namespace

std::string_view to_string(AckPolicy policy) noexcept {
  switch (policy) {
    case AckPolicy::kFsync: return "fsync";
    case AckPolicy::kMirror: return "mirror";
    case AckPolicy::kQuorum: return "quorum";
  }
  SLUICE_ASSERT(false, "every policy has a word");
  return {};
}

std::string_view to_string(PatientStatus status) noexcept {
  switch (status) {
    case PatientStatus::kScreening: return "screening";
    case PatientStatus::kActive: return "active";
    case PatientStatus::kCompleted: return "completed";
    case PatientStatus::kWithdrawn: return "withdrawn";
  }
  SLUICE_ASSERT(false, "every status has a word");
  return {};
}

std::optional<PatientStatus> parse_patient_status(std::string_view word) noexcept {
  for (PatientStatus status :
       {PatientStatus::kScreening, PatientStatus::kActive, PatientStatus::kCompleted, PatientStatus::kWithdrawn})
    if (word == to_string(status)) return status;
  return std::nullopt;
}

bool is_identifier(std::string_view text) noexcept {
  auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  return !text.empty() && text.size() <= kIdentifierMax && std::ranges::none_of(text, is_control);
}

Result<void> check(const Study& study) {
  SLUICE_TRY(check_head(study));
  SLUICE_TRY(check_sites(study));
  SLUICE_TRY(check_patients(study));
  SLUICE_TRY(check_instruments(study));
  return check_vitals(study);
}

const Instrument* find_instrument(const Study& study, std::string_view oid, std::string_view version) noexcept {
  for (const Instrument& instrument : study.instruments)
    if (instrument.oid == oid && instrument.version == version) return &instrument;
  return nullptr;
}

Uuid patient_id_of(std::string_view study_oid, std::string_view subject_key) {
  return derive_uuid({"patient", study_oid, subject_key});
}

}  // namespace epro
