// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include <sluice/base/result.hpp>
#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/context.hpp>

namespace epro {

class StoreReader;

/// What an export holds.
struct VsExport {
  std::uint64_t subjects = 0;
  std::uint64_t rows = 0;                   ///< the header not counted
  sluice::reservoir::Position as_of = 0;  ///< everything up to this position of the journal, and nothing behind it
};

/// Takes the text piece by piece; pieces end anywhere. An error ends the export and is its result.
using TakeText = std::function<sluice::Result<void>(std::string_view)>;

/// Writes the accepted vital signs of a study as a table of SDTM's domain VS in CSV, by USUBJID and VSSEQ. What is in
/// quarantine is not data yet and stays out.
///
/// A measurement that came from such a table has its number, test, unit and date back. The others are numbered behind
/// those of their subject in the order in which they came in, so that a later export numbers them the same. Who is in no
/// study definition goes by the patient's id.
/// The same position gives the same bytes. Holds one subject's rows in memory at a time, and the list of subjects.
/// kNotFound: there is no such study.
sluice::Result<VsExport> export_vs(sluice::Context& ctx, StoreReader& store, std::string_view study, const TakeText& take);

}  // namespace epro
