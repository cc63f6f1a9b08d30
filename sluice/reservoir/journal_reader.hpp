// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include <sluice/base/result.hpp>
#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::reservoir {

/// Takes what read_journal finds, everything in the order of its positions. An error ends the reading and is its result.
class JournalVisitor {
 public:
  virtual ~JournalVisitor() = default;
  /// A key that stays known although its record was drained and trimmed away.
  virtual Result<void> trimmed(const Key& key, const Entry& entry) = 0;
  /// A record that is still here, drained or not; entries[i] is what is known about record.keys[i].
  virtual Result<void> record(const Record& record, std::span<const Entry> entries) = 0;
};

struct JournalSummary {
  std::string journal_id;     ///< as Reservoir::journal_id
  Position oldest = 1;        ///< of the records that are still here; last + 1 if there is none
  Position last = 0;          ///< of the last whole record
  std::uint64_t trimmed = 0;  ///< keys whose records are gone
  std::uint64_t records = 0;  ///< that are still here
  /// Behind the last whole record lies the beginning of another: being written at this moment, or torn by a crash and
  /// cut by the next start. Nobody was told that it is in.
  bool has_torn_tail = false;
};

/// Reads a journal's folder past its owner, who may be alive, appending and trimming meanwhile: takes no lock, changes
/// nothing. Whatever was durable when it began is visited exactly once; the last records visited may be younger than that
/// and not yet durable.
/// kNotFound: there is no journal in this folder. kDataLoss: damage; detail names the file and the offset. kAborted: the
/// owner trimmed faster than we could open the files, several times; try again.
Result<JournalSummary> read_journal(Context& ctx, const std::filesystem::path& folder, JournalVisitor& visitor);

}  // namespace sluice::reservoir
