// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/clock.hpp>
#include <sluice/base/digest.hpp>
#include <sluice/base/result.hpp>

#include <apps/epro/record/finding.hpp>
#include <apps/epro/record/flags.hpp>

namespace epro {

/// What the reservoir's records are to us. The numbers are in files; a new type takes the next one.
enum class EntryType : std::uint8_t {
  kStudy = 1,   ///< a study definition, as it was published
  kReport = 2,  ///< one submission
  kVitals = 3,  ///< the items of one batch that were new
};

/// A study as it was published. A later revision takes the place of an earlier one.
struct StudyEntry {
  std::uint64_t revision = 0;
  std::string definition;  ///< canonical_text(Study), patients included

  friend bool operator==(const StudyEntry&, const StudyEntry&) = default;
};

/// What was decided when the original came in. Kept beside it, because a later definition may judge otherwise.
struct Judgement {
  std::string receipt_id;
  bool is_accepted = true;  ///< else quarantined, for the reasons in `findings`
  Flags flags;
  std::vector<Finding> findings;

  friend bool operator==(const Judgement&, const Judgement&) = default;
};

/// A submission, exactly as received, and what was decided.
struct ReportEntry {
  std::string study;
  Judgement judgement;
  std::string payload;

  friend bool operator==(const ReportEntry&, const ReportEntry&) = default;
};

struct VitalsItemEntry {
  std::string id;
  std::string patient_id;
  /// Set for who is not in the study's definition: the article's endpoint takes anybody and makes a subject of them.
  std::string new_subject_key;
  Judgement judgement;
  std::vector<std::string> alerts;  ///< rule ids
  std::string payload;              ///< the item's JSON, exactly as received

  friend bool operator==(const VitalsItemEntry&, const VitalsItemEntry&) = default;
};

struct VitalsEntry {
  std::string study;
  std::vector<VitalsItemEntry> items;

  friend bool operator==(const VitalsEntry&, const VitalsEntry&) = default;
};

/// The bytes of a record's payload: fields one after the other, integers little-endian, texts with a 32-bit length before
/// them, lists with a 32-bit count.
[[nodiscard]] std::string encode(const StudyEntry& entry);
[[nodiscard]] std::string encode(const ReportEntry& entry);
[[nodiscard]] std::string encode(const VitalsEntry& entry);
/// kDataLoss: these are not the bytes of such an entry.
[[nodiscard]] sluice::Result<StudyEntry> decode_study(std::string_view bytes);
[[nodiscard]] sluice::Result<ReportEntry> decode_report(std::string_view bytes);
[[nodiscard]] sluice::Result<VitalsEntry> decode_vitals(std::string_view bytes);

}  // namespace epro
