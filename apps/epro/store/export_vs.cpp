// SPDX-License-Identifier: MIT
#include <apps/epro/store/export_vs.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sluice/base/bytes.hpp>
#include <sluice/db/sqlite.hpp>

#include <apps/epro/record/csv.hpp>
#include <apps/epro/record/datapoint.hpp>
#include <apps/epro/record/sdtm.hpp>
#include <apps/epro/record/vitals_item.hpp>

#include <apps/epro/store/store_reader.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Context;
using sluice::Result;
using sluice::WallTime;
using sluice::db::SqliteConnection;
using sluice::db::SqliteStatement;
using sluice::reservoir::Position;

/// How much text is gathered before it is handed on: a write of this size costs little more than its copying.
constexpr std::size_t kPieceBytes = 64 * 1024;

struct Subject {
  std::string patient;
  std::string key;
};

/// Whoever has sent anything, in the order of the export.
Result<std::vector<Subject>> subjects_of(SqliteConnection& connection, std::string_view study) {
  // The inner part is answered by an index alone: submissions are as long as their payloads.
  SLUICE_TRY(auto query, connection.prepare(
      "SELECT sent.patient_id, coalesce(patients.subject_key, sent.patient_id) AS subject"
      " FROM (SELECT DISTINCT patient_id FROM submissions WHERE study_oid = ?1) AS sent"
      " LEFT JOIN patients ON patients.study_oid = ?1 AND patients.patient_id = sent.patient_id ORDER BY subject"));
  SLUICE_TRY(query.start({study}));
  std::vector<Subject> subjects;
  for (;;) {
    SLUICE_TRY(bool found, query.next());
    if (!found) return subjects;
    subjects.push_back({std::string(query.text(0)), std::string(query.text(1))});
  }
}

ValueKind kind_of(std::string_view value_type) {
  if (value_type == "number") return ValueKind::kNumber;
  if (value_type == "text") return ValueKind::kText;
  return value_type == "bool" ? ValueKind::kBoolean : ValueKind::kMissing;
}

// In the order of the query's columns.
Datapoint read_point(const SqliteStatement& row) {
  Datapoint point;
  point.ordinal = static_cast<int>(row.integer(2));
  point.code_system = row.text(3);
  point.code = row.text(4);
  point.value = {kind_of(row.text(5)), std::string(row.text(6))};
  point.number = row.maybe_real(7);
  point.unit = row.text(8);
  point.std_number = row.maybe_real(9);
  point.std_unit = row.text(10);
  point.position = row.text(11);
  point.effective_text = row.text(12);
  point.absent_reason = row.text(13);
  return point;
}

std::optional<SdtmSource> source_of(std::string_view payload) {
  auto item = parse_vitals_item(payload);
  return item ? std::move(item)->sdtm : std::nullopt;
}

/// A subject's rows in the order in which they came in.
Result<std::vector<VsRow>> rows_of(SqliteConnection& connection, std::string_view study, const Subject& subject,
                                   Position last) {
  // CROSS JOIN keeps SQLite from walking through all datapoints of the study.
  SLUICE_TRY(auto query, connection.prepare(
      "SELECT s.submission_id, s.payload, d.ordinal, d.code_system, d.code, d.value_type, d.value_text, d.value_num,"
      " d.unit, d.std_num, d.std_unit, d.position, d.effective_text, d.absent_reason"
      " FROM submissions AS s CROSS JOIN datapoints AS d"
      " ON d.study_oid = s.study_oid AND d.submission_id = s.submission_id AND d.version = 1"
      " WHERE s.study_oid = ?1 AND s.patient_id = ?2 AND s.kind = 'vitals' AND s.disposition = 'accepted'"
      " AND s.journal_pos <= ?3 ORDER BY s.journal_pos, s.journal_ordinal, d.ordinal"));
  SLUICE_TRY(query.start({study, subject.patient, last}));
  std::vector<VsRow> rows;
  std::string item;  // whose source is at hand
  std::optional<SdtmSource> source;
  for (;;) {
    SLUICE_TRY(bool found, query.next());
    if (!found) return rows;
    if (query.text(0) != item) {
      item = query.text(0);
      source = source_of(sluice::as_text(query.bytes(1)));
    }
    if (auto row = vs_row_of(read_point(query), source, study, subject.key)) rows.push_back(*std::move(row));
  }
}

/// Numbers those that have no number, and brings all into the order of their numbers.
void put_in_order(std::vector<VsRow>& rows) {
  std::int64_t last = 0;
  for (const VsRow& row : rows) last = std::max(last, row.seq);
  for (VsRow& row : rows)
    if (row.seq == 0) row.seq = ++last;
  std::ranges::stable_sort(rows, {}, &VsRow::seq);
}

Result<void> check_study(Context& ctx, StoreReader& store, std::string_view study) {
  return store.database().read(ctx, [&](SqliteConnection& connection) -> Result<void> {
    SLUICE_TRY(auto query, connection.prepare("SELECT 1 FROM studies WHERE study_oid = ?1"));
    SLUICE_TRY(query.start({study}));
    SLUICE_TRY(bool found, query.next());
    if (!found) return sluice::fail(Code::kNotFound, "no such study in the store");
    return {};
  });
}

}  // namespace

Result<VsExport> export_vs(Context& ctx, StoreReader& store, std::string_view study, const TakeText& take) {
  SLUICE_TRY(check_study(ctx, store, study));
  SLUICE_TRY(Applied applied, store.applied(ctx));
  SLUICE_TRY(auto subjects, store.database().read(
                                ctx, [&](SqliteConnection& connection) { return subjects_of(connection, study); }));
  VsExport result{.as_of = applied.position};
  std::string text;
  append_csv_row(text, vs_header());
  for (const Subject& subject : subjects) {
    SLUICE_TRY(auto rows, store.database().read(ctx, [&](SqliteConnection& connection) {
      return rows_of(connection, study, subject, applied.position);
    }));
    put_in_order(rows);
    for (const VsRow& row : rows) {
      append_csv_row(text, vs_cells(row));
      if (text.size() < kPieceBytes) continue;
      SLUICE_TRY(take(text));
      text.clear();
    }
    result.rows += rows.size();
    result.subjects += rows.empty() ? 0 : 1;
  }
  SLUICE_TRY(take(text));
  return result;
}

}  // namespace epro
