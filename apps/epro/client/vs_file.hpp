// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>

#include <apps/epro/client/text_file.hpp>
#include <apps/epro/record/csv.hpp>
#include <apps/epro/record/sdtm.hpp>
#include <apps/epro/record/study.hpp>

namespace epro {

/// One row of a file, in its place.
struct VsLine {
  std::uint64_t number = 0;    ///< of the rows below the header; the first is 1
  sluice::Result<VsRow> row;   ///< an error is about this row alone
  std::string site;            ///< SITEID; empty if there is no such column
};

/// The rows of an SDTM VS data set in a file (CSV, plain or gzip), one after the other, in bounded memory.
/// Threads: one fiber at a time.
class VsFile {
 public:
  /// Opens it and reads its header. kInvalidArgument `bad-vs` or `bad-csv`; the errors of TextFile.
  static sluice::Result<VsFile> open(sluice::Context& ctx, const std::filesystem::path& path);

  /// Nothing at the end. An error is about the file, and final.
  sluice::Result<std::optional<VsLine>> next(sluice::Context& ctx);

 private:
  explicit VsFile(std::unique_ptr<TextFile> text) : text_(std::move(text)) {}
  sluice::Result<std::optional<CsvRow>> next_cells(sluice::Context& ctx);

  std::unique_ptr<TextFile> text_;
  CsvReader reader_;
  std::vector<CsvRow> cells_;       // read and not yet handed out: from next_ on
  std::size_t next_ = 0;
  bool is_at_end_ = false;
  std::optional<VsColumns> columns_;   // set by open
  std::optional<std::size_t> site_at_; // where SITEID is
  std::uint64_t number_ = 0;
};

/// What a file says about its study, before any of its measurements is sent.
struct VsSurvey {
  Study study;  ///< its subjects as patients; has passed check()
  std::uint64_t rows = 0;
};

/// More subjects than any study that we know; the bound of what surveying may hold in memory.
inline constexpr std::size_t kSurveySubjectsMax = 100'000;

/// Reads the whole file once. The study's oid is STUDYID, its patients are the subjects in the order of their first rows,
/// its sites those of SITEID, else one for all. Rows that cannot be read are passed over: the second reading tells of them.
/// kInvalidArgument `bad-vs`: there is no row, or a second study, or there are too many subjects; `invalid-study`.
[[nodiscard]] sluice::Result<VsSurvey> survey(sluice::Context& ctx, const std::filesystem::path& path);

}  // namespace epro
