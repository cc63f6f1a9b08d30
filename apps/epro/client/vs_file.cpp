// SPDX-License-Identifier: MIT
#include <apps/epro/client/vs_file.hpp>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace epro {
namespace {

using sluice::Code;
using sluice::Context;
using sluice::Error;
using sluice::Result;

// A data set knows neither where a site is nor, often, the site.
constexpr std::string_view kOnlySite = "1";
constexpr std::string_view kUnknownCountry = "ZZ";  // ISO 3166's code for "unknown"
constexpr std::string_view kUnknownZone = "UTC";

std::unexpected<Error> refuse(std::string detail) {
  return sluice::fail(Error(Code::kInvalidArgument, std::move(detail)).because("bad-vs"));
}

// Puts the study together, row by row.
class StudyBuilder {
 public:
  Result<void> add(const VsRow& row, const std::string& site) {
    if (study_.oid.empty()) {
      study_.oid = row.study;
      study_.title = row.study;
      study_.region = "local";
    }
    if (row.study != study_.oid) return refuse("STUDYID: a second study");
    if (!subjects_.insert(row.subject).second) return {};
    if (subjects_.size() > kSurveySubjectsMax) return refuse("USUBJID: too many subjects");
    const std::string& site_id = site.empty() ? kOnlySiteText : site;
    if (sites_.insert(site_id).second)
      study_.sites.push_back({site_id, std::string(kUnknownCountry), std::string(kUnknownZone)});
    study_.patients.push_back(
        {patient_id_of(study_.oid, row.subject), site_id, row.subject, PatientStatus::kActive, std::nullopt});
    return {};
  }

  Result<Study> finish() {
    if (study_.oid.empty()) return refuse("there is no row that can be read");
    SLUICE_TRY(check(study_));
    return std::move(study_);
  }

 private:
  const std::string kOnlySiteText{kOnlySite};
  Study study_;
  std::unordered_set<std::string> subjects_;
  std::unordered_set<std::string> sites_;
};

}  // namespace

Result<VsFile> VsFile::open(Context& ctx, const std::filesystem::path& path) {
  SLUICE_TRY(auto text, TextFile::open(ctx, path));
  VsFile file(std::move(text));
  SLUICE_TRY(auto header, file.next_cells(ctx));
  if (!header) return refuse("the file is empty");
  SLUICE_TRY(file.columns_, VsColumns::of(*header));
  auto site = std::ranges::find(*header, "SITEID");
  if (site != header->end()) file.site_at_ = static_cast<std::size_t>(site - header->begin());
  return file;
}

Result<std::optional<VsLine>> VsFile::next(Context& ctx) {
  SLUICE_TRY(auto cells, next_cells(ctx));
  if (!cells) return std::nullopt;
  VsLine line{++number_, columns_->read(*cells), {}};
  if (line.row && site_at_) line.site = (*cells)[*site_at_];
  return line;
}

Result<std::optional<CsvRow>> VsFile::next_cells(Context& ctx) {
  while (next_ == cells_.size()) {
    if (is_at_end_) return std::nullopt;
    SLUICE_TRY(std::string_view piece, text_->read(ctx));
    cells_.clear();
    next_ = 0;
    if (piece.empty()) {
      is_at_end_ = true;
      SLUICE_TRY(auto last, reader_.finish());
      return last;
    }
    SLUICE_TRY(cells_, reader_.feed(piece));
  }
  return std::move(cells_[next_++]);
}

Result<VsSurvey> survey(Context& ctx, const std::filesystem::path& path) {
  SLUICE_TRY(VsFile file, VsFile::open(ctx, path));
  StudyBuilder builder;
  VsSurvey survey;
  for (;; ++survey.rows) {
    SLUICE_TRY(auto line, file.next(ctx));
    if (!line) break;
    if (line->row) SLUICE_TRY(builder.add(*line->row, line->site));
  }
  SLUICE_TRY(survey.study, builder.finish());
  return survey;
}

}  // namespace epro
