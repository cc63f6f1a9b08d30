// SPDX-License-Identifier: MIT
#include <apps/epro/store/row_writer.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>
#include <sluice/base/digest.hpp>

#include <apps/epro/record/envelope.hpp>
#include <apps/epro/record/judge.hpp>
#include <apps/epro/record/study_json.hpp>
#include <apps/epro/record/vitals_item.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Error;
using sluice::Result;
using sluice::Sha256;
using sluice::WallTime;
using sluice::reservoir::Record;

Sha256 sha256_of(std::string_view text) { return sluice::sha256(sluice::as_bytes(text)); }

std::span<const std::byte> key_of(const Record& record, std::size_t ordinal) {
  return ordinal < record.keys.size() ? std::span<const std::byte>(record.keys[ordinal]) : std::span<const std::byte>();
}

/// What is not there is NULL.
std::optional<std::string_view> given(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional(text);
}
std::optional<WallTime> instant(const std::expected<Timestamp, FindingCode>& time) {
  return time ? std::optional(time->at) : std::nullopt;
}
std::optional<std::int64_t> offset_minutes(const std::expected<Timestamp, FindingCode>& time) {
  return time ? std::optional<std::int64_t>(time->offset.count()) : std::nullopt;
}

std::string joined(Flags flags) {
  std::string words;
  for (std::string_view name : flags.names()) words.append(words.empty() ? "" : " ").append(name);
  return words;
}

/// Whether it is these rows that cannot be stored, as opposed to any.
bool is_about_the_rows(const Error& error) {
  return error.reason() == "constraint" || error.code() == Code::kOutOfRange || error.code() == Code::kInvalidArgument;
}

// What was accepted has values that datapoints_of() takes for granted. The bytes come from a disk, and may have been
// accepted by an earlier epro, so it is looked at again: a report without datapoints is better than no server.

bool is_storable(const Value& value) {
  return value.kind == ValueKind::kNumber ? number_of(value.text).has_value() : value.kind != ValueKind::kStructure;
}

std::vector<Datapoint> points_of(const Envelope& report, const Instrument* instrument) {
  auto is_sound = [&](const Answer& answer) {
    return is_storable(answer.value) && find_item(*instrument, answer.link_id) != nullptr;
  };
  if (instrument == nullptr || !report.captured_at || !std::ranges::all_of(report.answers, is_sound)) return {};
  return datapoints_of(report, *instrument);
}

std::vector<Datapoint> points_of(const VitalsItem& item) {
  auto is_sound = [](const Measurement& measurement) { return is_storable(measurement.value); };
  if (!item.effective_at || !std::ranges::all_of(item.measurements, is_sound)) return {};
  return datapoints_of(item);
}

}  // namespace

/// One row of the table, borrowed from whoever reads the record.
struct RowWriter::Submission {
  SubmissionKind kind;
  std::string_view study;
  std::string_view id;
  std::string_view patient;
  const Record& record;
  std::size_t ordinal;
  const Judgement& judgement;
  std::string_view payload;
  const Envelope* report = nullptr;     ///< of a report
  std::optional<WallTime> captured_at = {};
  std::optional<std::int64_t> captured_tz = {};
};

/// What is set aside if it cannot be stored.
struct RowWriter::Original {
  const Record& record;
  std::size_t ordinal;
  std::string_view receipt;
  std::string_view payload;
};

std::string_view to_string(SubmissionKind kind) noexcept {
  return kind == SubmissionKind::kReport ? "report" : "vitals";
}

std::string_view to_string(SetAside reason) noexcept {
  switch (reason) {
    case SetAside::kUnreadable: return "unreadable";
    case SetAside::kConstraint: return "constraint";
    case SetAside::kConflict: return "conflict";
    case SetAside::kRepeated: return "repeated";
  }
  SLUICE_ASSERT(false, "every reason has a word");
  return {};
}

Result<void> RowWriter::write(const Record& record) {
  switch (static_cast<EntryType>(record.type)) {
    case EntryType::kStudy: return write_study(record);
    case EntryType::kReport: return write_report(record);
    case EntryType::kVitals: return write_vitals(record);
  }
  return set_aside_whole(record, "a record of a type that this epro does not know");
}

// ---- reports and vital signs ----

Result<void> RowWriter::write_report(const Record& record) {
  auto entry = decode_report(record.payload);
  if (!entry) return set_aside_whole(record, entry.error().detail());
  const Original original{record, 0, entry->judgement.receipt_id, entry->payload};
  auto report = parse_envelope(sluice::as_bytes(entry->payload));
  if (!report) return set_aside(original, SetAside::kUnreadable, report.error().reason());

  const std::string id = report->submission_id.text();
  const std::string patient = report->patient_id.text();
  const Submission submission{.kind = SubmissionKind::kReport, .study = entry->study, .id = id, .patient = patient,
                              .record = record, .ordinal = 0, .judgement = entry->judgement, .payload = entry->payload,
                              .report = &*report, .captured_at = instant(report->captured_at),
                              .captured_tz = offset_minutes(report->captured_at)};
  return keep(original, [&]() -> Result<Standing> {
    std::vector<Datapoint> points;
    if (entry->judgement.is_accepted) {
      SLUICE_TRY(const Instrument* instrument, instruments_.find(connection_, entry->study, report->instrument_oid,
                                                                 report->instrument_version));
      points = points_of(*report, instrument);
    }
    return insert_all(submission, points);
  });
}

Result<void> RowWriter::write_vitals(const Record& record) {
  auto entry = decode_vitals(record.payload);
  if (!entry) return set_aside_whole(record, entry.error().detail());
  for (std::size_t i = 0; i < entry->items.size(); ++i)
    SLUICE_TRY(write_vitals_item(record, i, entry->study, entry->items[i]));
  return {};
}

Result<void> RowWriter::write_vitals_item(const Record& record, std::size_t ordinal, const std::string& study,
                                          const VitalsItemEntry& entry) {
  auto item = parse_vitals_item(entry.payload);
  Submission submission{.kind = SubmissionKind::kVitals, .study = study, .id = entry.id, .patient = entry.patient_id,
                        .record = record, .ordinal = ordinal, .judgement = entry.judgement, .payload = entry.payload};
  std::vector<Datapoint> points;
  if (item) {
    submission.captured_at = instant(item->effective_at);
    submission.captured_tz = offset_minutes(item->effective_at);
    if (entry.judgement.is_accepted) points = points_of(*item);
  }
  return keep({record, ordinal, entry.judgement.receipt_id, entry.payload}, [&]() -> Result<Standing> {
    if (!entry.new_subject_key.empty()) SLUICE_TRY(insert_subject(submission, entry.new_subject_key));
    SLUICE_TRY(Standing standing, insert_all(submission, points));
    if (standing != Standing::kInserted) return standing;
    for (const std::string& rule : entry.alerts) SLUICE_TRY(insert_alert(submission, rule));
    return standing;
  });
}

Result<RowWriter::Standing> RowWriter::insert_all(const Submission& submission, const std::vector<Datapoint>& points) {
  SLUICE_TRY(Standing standing, insert(submission));
  if (standing != Standing::kInserted) return standing;
  for (const Datapoint& point : points) SLUICE_TRY(insert_point(submission, point));
  SLUICE_TRY(insert_findings(submission));
  const bool is_accepted = submission.judgement.is_accepted;
  ++tally_.submissions[static_cast<std::size_t>(submission.kind)][is_accepted ? 0 : 1];
  if (is_accepted && points.empty()) ++tally_.bare;
  return standing;
}

Result<RowWriter::Standing> RowWriter::insert(const Submission& s) {
  const Sha256 hash = sha256_of(s.payload);
  const Disposition disposition = s.judgement.is_accepted ? Disposition::kAccepted : Disposition::kQuarantined;
  const Envelope* r = s.report;
  // The conflict is named: a receipt or a journal place that is taken by another submission is no repetition.
  SLUICE_TRY(auto insert, connection_.prepare(
      "INSERT INTO submissions (study_oid, submission_id, receipt_id, kind, patient_id, device_id, device_epoch,"
      " device_seq, instrument_oid, instrument_ver, originator, captured_at, captured_tz_min, sent_at, received_at, journal_pos,"
      " journal_ordinal, payload, payload_sha256, disposition, flags)"
      " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21)"
      " ON CONFLICT (study_oid, submission_id) DO NOTHING"));
  SLUICE_TRY(auto inserted, insert.run(
      {s.study, s.id, s.judgement.receipt_id, to_string(s.kind), s.patient,
       r ? std::optional<std::string_view>(r->device.id) : std::nullopt,
       r ? std::optional(r->device.epoch) : std::nullopt,
       r ? std::optional(r->device.seq) : std::nullopt,
       r ? std::optional<std::string_view>(r->instrument_oid) : std::nullopt,
       r ? std::optional<std::string_view>(r->instrument_version) : std::nullopt,
       r ? std::string_view(r->originator) : "",
       s.captured_at, s.captured_tz, r ? instant(r->sent_at) : std::nullopt, s.record.received_at, s.record.position,
       s.ordinal, sluice::as_bytes(s.payload), hash, to_string(disposition), joined(s.judgement.flags)}));
  if (inserted > 0) return Standing::kInserted;
  SLUICE_TRY(auto query, connection_.prepare("SELECT payload_sha256 = ?3 FROM submissions"
                                             " WHERE study_oid = ?1 AND submission_id = ?2"));
  SLUICE_TRY(query.start({s.study, s.id, hash}));
  SLUICE_TRY(query.next());
  return query.integer(0) != 0 ? Standing::kRepeated : Standing::kConflict;
}

Result<void> RowWriter::insert_point(const Submission& submission, const Datapoint& point) {
  SLUICE_TRY(auto insert, connection_.prepare(
      "INSERT INTO datapoints (study_oid, submission_id, ordinal, version, patient_id, code_system, code, value_type,"
      " value_text, value_num, unit, std_num, std_unit, position, effective_at, effective_text, absent_reason)"
      " VALUES (?1,?2,?3,1,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)"));
  const bool has_value = point.value.kind != ValueKind::kMissing;
  SLUICE_TRY(insert.run({submission.study, submission.id, point.ordinal, submission.patient, point.code_system,
                         point.code, value_type(point.value.kind),
                         has_value ? std::optional<std::string_view>(point.value.text) : std::nullopt, point.number,
                         given(point.unit), point.std_number, given(point.std_unit), given(point.position),
                         point.effective_at, given(point.effective_text), given(point.absent_reason)}));
  return {};
}

Result<void> RowWriter::insert_findings(const Submission& submission) {
  for (const Finding& finding : submission.judgement.findings) {
    SLUICE_TRY(auto insert, connection_.prepare(
        "INSERT INTO quarantine (study_oid, submission_id, code, pointer, opened_at) VALUES (?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT (study_oid, submission_id, code, pointer) DO NOTHING"));
    SLUICE_TRY(insert.run({submission.study, submission.id, to_string(finding.code), finding.pointer,
                           submission.record.received_at}));
  }
  return {};
}

Result<void> RowWriter::insert_alert(const Submission& submission, std::string_view rule) {
  const std::string id = derive_uuid({"alert", submission.study, submission.id, rule}).text();
  SLUICE_TRY(auto insert, connection_.prepare(
      "INSERT INTO alerts (alert_id, study_oid, patient_id, submission_id, rule_id, opened_at)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (alert_id) DO NOTHING"));
  SLUICE_TRY(insert.run({id, submission.study, submission.patient, submission.id, rule, submission.record.received_at}));
  return {};
}

Result<void> RowWriter::insert_subject(const Submission& submission, std::string_view subject_key) {
  // Whoever has this id or this key already stays as they are; an export finds subjects by their id.
  SLUICE_TRY(auto insert, connection_.prepare(
      "INSERT INTO patients (study_oid, patient_id, subject_key, status, updated_at) VALUES (?1, ?2, ?3, 'active', ?4)"
      " ON CONFLICT DO NOTHING"));
  SLUICE_TRY(insert.run({submission.study, submission.patient, subject_key, submission.record.received_at}));
  return {};
}

// ---- studies ----

Result<void> RowWriter::write_study(const Record& record) {
  auto entry = decode_study(record.payload);
  if (!entry) return set_aside_whole(record, entry.error().detail());
  auto study = parse_study(entry->definition);
  if (!study) return set_aside_whole(record, study.error().reason());

  auto at_once = connection_.attempt([&] {
    return write_definition(*study, record.received_at, [](const auto& write_row) { return write_row(); });
  });
  if (!at_once) {
    if (!is_about_the_rows(at_once.error())) return at_once;
    SLUICE_TRY(std::string refusal, write_definition_piecemeal(*study, record.received_at));
    return set_aside({record, 0, {}, record.payload}, SetAside::kConstraint, refusal);
  }
  SLUICE_TRY(auto insert, connection_.prepare(
      "INSERT INTO publications (journal_pos, study_oid, revision, sha256, received_at) VALUES (?1, ?2, ?3, ?4, ?5)"));
  SLUICE_TRY(insert.run({record.position, study->oid, entry->revision, sha256_of(record.payload),
                         record.received_at}));
  return {};
}

/// Writes the rows that can be written: the reports of a study must not wait for one patient who is not as expected. The
/// first refusal.
Result<std::string> RowWriter::write_definition_piecemeal(const Study& study, WallTime at) {
  std::string refusal;
  auto step = [&](const std::function<Result<void>()>& write_row) -> Result<void> {
    auto done = connection_.attempt(write_row);
    if (done || !is_about_the_rows(done.error())) return done;
    if (refusal.empty()) refusal = done.error().detail();
    return {};
  };
  SLUICE_TRY(write_definition(study, at, step));
  return refusal;
}

Result<void> RowWriter::write_definition(const Study& study, WallTime at, const Step& step) {
  SLUICE_TRY(step([&] { return upsert_study(study, at); }));
  for (const Site& site : study.sites) SLUICE_TRY(step([&] { return upsert_site(study, site); }));
  for (const Instrument& each : study.instruments) SLUICE_TRY(step([&] { return insert_instrument(study, each); }));
  for (const Patient& patient : study.patients) SLUICE_TRY(step([&] { return upsert_patient(study, patient, at); }));
  return {};
}

Result<void> RowWriter::upsert_study(const Study& study, WallTime at) {
  SLUICE_TRY(auto upsert, connection_.prepare(
      "INSERT INTO studies (study_oid, title, region, ack_policy, definition, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
      " ON CONFLICT (study_oid) DO UPDATE SET title = excluded.title, region = excluded.region,"
      " ack_policy = excluded.ack_policy, definition = excluded.definition"));
  SLUICE_TRY(upsert.run({study.oid, study.title, study.region, to_string(study.ack_policy), definition_text(study), at}));
  return {};
}

Result<void> RowWriter::upsert_site(const Study& study, const Site& site) {
  SLUICE_TRY(auto upsert, connection_.prepare(
      "INSERT INTO sites (study_oid, site_id, country, tz) VALUES (?1, ?2, ?3, ?4)"
      " ON CONFLICT (study_oid, site_id) DO UPDATE SET country = excluded.country, tz = excluded.tz"));
  SLUICE_TRY(upsert.run({study.oid, site.id, site.country, site.tz}));
  return {};
}

Result<void> RowWriter::insert_instrument(const Study& study, const Instrument& instrument) {
  const Sha256 hash = fingerprint(instrument);
  SLUICE_TRY(auto insert, connection_.prepare(
      "INSERT INTO instruments (study_oid, instrument_oid, version, definition, sha256) VALUES (?1, ?2, ?3, ?4, ?5)"
      " ON CONFLICT (study_oid, instrument_oid, version) DO NOTHING"));
  SLUICE_TRY(auto inserted,
             insert.run({study.oid, instrument.oid, instrument.version, canonical_text(instrument), hash}));
  if (inserted > 0) return {};
  SLUICE_TRY(auto query, connection_.prepare("SELECT sha256 = ?4 FROM instruments"
                                             " WHERE study_oid = ?1 AND instrument_oid = ?2 AND version = ?3"));
  SLUICE_TRY(query.start({study.oid, instrument.oid, instrument.version, hash}));
  SLUICE_TRY(query.next());
  if (query.integer(0) != 0) return {};
  return sluice::fail(
      Error(Code::kFailedPrecondition, "an instrument's version has another definition").because("constraint"));
}

Result<void> RowWriter::upsert_patient(const Study& study, const Patient& patient, WallTime at) {
  // Publishing again who has not changed leaves their version alone: caches go by it.
  SLUICE_TRY(auto upsert, connection_.prepare(
      "INSERT INTO patients (study_oid, patient_id, site_id, subject_key, status, updated_at)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (study_oid, patient_id) DO UPDATE SET site_id = excluded.site_id, subject_key = excluded.subject_key,"
      " status = excluded.status, updated_at = excluded.updated_at, row_version = row_version + 1"
      " WHERE site_id IS NOT excluded.site_id OR subject_key <> excluded.subject_key OR status <> excluded.status"));
  SLUICE_TRY(upsert.run({study.oid, patient.id.text(), given(patient.site), patient.subject_key,
                         to_string(patient.status), at}));
  return {};
}

// ---- what cannot be stored as it should ----

Result<void> RowWriter::keep(const Original& original, const std::function<Result<Standing>()>& insert) {
  const Tally before = tally_;
  Standing standing = Standing::kInserted;
  auto done = connection_.attempt([&]() -> Result<void> {
    SLUICE_TRY(standing, insert());
    return {};
  });
  if (!done) {
    if (!is_about_the_rows(done.error())) return done;
    tally_ = before;
    return set_aside(original, SetAside::kConstraint, done.error().detail());
  }
  switch (standing) {
    case Standing::kInserted: return {};
    case Standing::kRepeated: return set_aside(original, SetAside::kRepeated, {});
    case Standing::kConflict: return set_aside(original, SetAside::kConflict, {});
  }
  SLUICE_ASSERT(false, "every standing leads somewhere");
  return {};
}

Result<void> RowWriter::set_aside(const Original& original, SetAside reason, std::string_view detail) {
  const Record& record = original.record;
  // The original of what is stored already is stored already.
  const auto payload = reason == SetAside::kRepeated ? std::string_view() : original.payload;
  SLUICE_TRY(auto insert, connection_.prepare(
      "INSERT INTO set_aside (journal_pos, journal_ordinal, key, entry_type, reason, detail, receipt_id, received_at,"
      " payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"));
  SLUICE_TRY(insert.run({record.position, original.ordinal, key_of(record, original.ordinal), record.type,
                         to_string(reason), detail, given(original.receipt), record.received_at, sluice::as_bytes(payload)}));
  ++tally_.set_aside[static_cast<std::size_t>(reason)];
  if (reason != SetAside::kRepeated && tally_.first_set_aside == 0) tally_.first_set_aside = record.position;
  return {};
}

Result<void> RowWriter::set_aside_whole(const Record& record, std::string_view detail) {
  const std::size_t rows = std::max<std::size_t>(record.keys.size(), 1);
  for (std::size_t i = 0; i < rows; ++i) {
    const std::string_view payload = i == 0 ? std::string_view(record.payload) : std::string_view();
    SLUICE_TRY(set_aside({record, i, {}, payload}, SetAside::kUnreadable, detail));
  }
  return {};
}

}  // namespace epro
