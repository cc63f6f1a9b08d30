// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sluice/base/result.hpp>

#include <apps/epro/record/csv.hpp>
#include <apps/epro/record/uuid.hpp>

namespace epro {

struct Datapoint;
struct SdtmSource;
struct VitalsItem;

/// One row of an SDTM VS data set (vital signs, one measurement a row), as text. Columns that we neither need nor know
/// are left behind.
struct VsRow {
  std::string study;      ///< STUDYID
  std::string subject;    ///< USUBJID; our subject key
  std::int64_t seq = 0;   ///< VSSEQ; 0 in a row of ours that is not numbered yet
  std::string test_code;  ///< VSTESTCD
  std::string position;   ///< VSPOS
  std::string value;      ///< VSORRES, as written
  std::string unit;       ///< VSORRESU, as written
  std::string std_value;  ///< VSSTRESC and VSSTRESN
  std::string std_unit;   ///< VSSTRESU
  std::string status;     ///< VSSTAT: empty or "NOT DONE"
  std::string reason;     ///< VSREASND
  std::string date;       ///< VSDTC, as written

  friend bool operator==(const VsRow&, const VsRow&) = default;
};

/// Finds the columns of VS in a table's first row, then reads the rows.
///
///   SLUICE_TRY(auto columns, VsColumns::of(header));
///   SLUICE_TRY(VsRow row, columns.read(cells));
class VsColumns {
 public:
  /// kInvalidArgument `bad-vs`: STUDYID, USUBJID, VSSEQ, VSTESTCD, VSORRES, VSORRESU or VSDTC is missing, or a column is
  /// there twice; the error's field is its name.
  [[nodiscard]] static sluice::Result<VsColumns> of(const CsvRow& header);
  /// kInvalidArgument `bad-vs`: another number of cells than the header has, or a VSSEQ that is no number of 1 or more.
  [[nodiscard]] sluice::Result<VsRow> read(const CsvRow& cells) const;

 private:
  static constexpr std::size_t kFields = 10;
  VsColumns() = default;

  std::array<std::optional<std::size_t>, kFields> places_;  // in the order of the table in sdtm.cpp
  std::size_t width_ = 0;
};

/// The row as an item of a batch. Reading the same file again gives the same items: ids come from study, subject and seq.
/// A date alone becomes noon UTC, a time without offset is taken for UTC; `sdtm.date` keeps what was written. NOT DONE
/// becomes an absent measurement with VSREASND as its reason, else "not-performed".
/// kInvalidArgument `bad-vs`, with the column at fault as field: what we could not give back as it was written (an
/// unknown test or unit, a value that is no number, a date that is none, a long text), or a VSSTAT that contradicts VSORRES.
[[nodiscard]] sluice::Result<VitalsItem> item_of(const VsRow& row, const Uuid& patient_id);

/// A stored measurement as a row again. With the `source` of its item the row has the seq, test code, unit and date of
/// the row that it came from; without one, or with one that names another test or unit than the measurement's, those that
/// SDTM has for it, and seq 0 for the caller to number.
/// Nothing if SDTM VS has no test for its code.
[[nodiscard]] std::optional<VsRow> vs_row_of(const Datapoint& point, const std::optional<SdtmSource>& source,
                                             std::string_view study, std::string_view subject);

/// The header of an export, and a row under it.
[[nodiscard]] CsvRow vs_header();
[[nodiscard]] CsvRow vs_cells(const VsRow& row);

}  // namespace epro
