// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/db/sqlite_connection.hpp>
#include <sluice/reservoir/reservoir.hpp>

#include <apps/epro/record/datapoint.hpp>
#include <apps/epro/record/journal_entry.hpp>
#include <apps/epro/record/study.hpp>

#include <apps/epro/store/instrument_cache.hpp>

namespace epro {

enum class SubmissionKind : std::uint8_t { kReport, kVitals };
/// Why something was set aside: the words of the table.
enum class SetAside : std::uint8_t { kUnreadable, kConstraint, kConflict, kRepeated };
[[nodiscard]] std::string_view to_string(SubmissionKind kind) noexcept;
[[nodiscard]] std::string_view to_string(SetAside reason) noexcept;

/// What a transaction has done; it counts once that is committed.
struct Tally {
  std::array<std::array<std::uint64_t, 2>, 2> submissions{};  ///< by SubmissionKind, then accepted and quarantined
  std::array<std::uint64_t, 4> set_aside{};                   ///< by SetAside
  std::uint64_t bare = 0;                                     ///< accepted, but without datapoints
  sluice::reservoir::Position first_set_aside = 0;            ///< but for repeated ones; 0: none
};

/// Makes rows of the journal's records, in the transaction of whoever calls. Whatever a record holds ends in one row each:
/// a submission, a publication, or, if it cannot be that, set aside. An error means that the database failed.
/// Lifetime: for one transaction.
class RowWriter {
 public:
  RowWriter(sluice::db::SqliteConnection& connection, InstrumentCache& instruments, Tally& tally)
      : connection_(connection), instruments_(instruments), tally_(tally) {}

  sluice::Result<void> write(const sluice::reservoir::Record& record);

 private:
  struct Submission;
  struct Original;
  enum class Standing : std::uint8_t { kInserted, kRepeated, kConflict };
  /// Calls what writes one row, and decides what its error means.
  using Step = std::function<sluice::Result<void>(const std::function<sluice::Result<void>()>&)>;

  sluice::Result<void> write_report(const sluice::reservoir::Record& record);
  sluice::Result<void> write_vitals(const sluice::reservoir::Record& record);
  sluice::Result<void> write_vitals_item(const sluice::reservoir::Record& record, std::size_t ordinal,
                                         const std::string& study, const VitalsItemEntry& entry);
  sluice::Result<void> write_study(const sluice::reservoir::Record& record);
  sluice::Result<void> write_definition(const Study& study, sluice::WallTime at, const Step& step);
  sluice::Result<std::string> write_definition_piecemeal(const Study& study, sluice::WallTime at);

  sluice::Result<Standing> insert_all(const Submission& submission, const std::vector<Datapoint>& points);
  sluice::Result<Standing> insert(const Submission& submission);
  sluice::Result<void> insert_point(const Submission& submission, const Datapoint& point);
  sluice::Result<void> insert_findings(const Submission& submission);
  sluice::Result<void> insert_alert(const Submission& submission, std::string_view rule);
  sluice::Result<void> insert_subject(const Submission& submission, std::string_view subject_key);
  sluice::Result<void> upsert_study(const Study& study, sluice::WallTime at);
  sluice::Result<void> upsert_site(const Study& study, const Site& site);
  sluice::Result<void> insert_instrument(const Study& study, const Instrument& instrument);
  sluice::Result<void> upsert_patient(const Study& study, const Patient& patient, sluice::WallTime at);

  sluice::Result<void> keep(const Original& original, const std::function<sluice::Result<Standing>()>& insert);
  sluice::Result<void> set_aside(const Original& original, SetAside reason, std::string_view detail);
  sluice::Result<void> set_aside_whole(const sluice::reservoir::Record& record, std::string_view detail);

  sluice::db::SqliteConnection& connection_;
  InstrumentCache& instruments_;
  Tally& tally_;
};

}  // namespace epro
