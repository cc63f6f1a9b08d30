// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>

#include <apps/epro/record/instrument.hpp>
#include <apps/epro/record/uuid.hpp>
#include <apps/epro/record/vital_sign.hpp>

namespace epro {

/// Where a report has to be before it is acknowledged: one volume, two volumes, a second node.
enum class AckPolicy : std::uint8_t { kFsync, kMirror, kQuorum };
enum class PatientStatus : std::uint8_t { kScreening, kActive, kCompleted, kWithdrawn };

[[nodiscard]] std::string_view to_string(AckPolicy policy) noexcept;
[[nodiscard]] std::string_view to_string(PatientStatus status) noexcept;
/// Nothing for another word.
[[nodiscard]] std::optional<PatientStatus> parse_patient_status(std::string_view word) noexcept;

struct Site {
  std::string id;
  std::string country;
  std::string tz;  ///< IANA name; used only to compute windows

  friend bool operator==(const Site&, const Site&) = default;
};

/// Pseudonymous: no name, no birth date; identity lives elsewhere.
struct Patient {
  Uuid id;
  std::string site;
  std::string subject_key;  ///< ODM SubjectKey, unique in the study
  PatientStatus status = PatientStatus::kActive;
  /// Reports captured earlier are still welcome, however late they arrive. Empty: nothing is, once withdrawn.
  std::optional<sluice::WallTime> withdrawn_at;

  friend bool operator==(const Patient&, const Patient&) = default;
};

/// A study as it is published: who takes part, and what may be reported. Everything that judging a report needs.
/// Invariants: those of check().
struct Study {
  std::string oid;
  std::string title;
  std::string region;  ///< data-residency tag
  AckPolicy ack_policy = AckPolicy::kFsync;
  std::chrono::milliseconds skew_flag = std::chrono::minutes(2);  ///< a clock further off is flagged
  std::chrono::milliseconds late_grace{0};                        ///< added to a window's end before a report is late
  std::vector<Site> sites;
  std::vector<Patient> patients;
  std::vector<Instrument> instruments;
  AllVitalLimits vitals = default_vital_limits();

  friend bool operator==(const Study&, const Study&) = default;
};

/// Longest identifier in a study (oid, site, subject key, link id) and in a report (device, originator), in bytes.
/// Identifiers are index keys and appear in paths and logs; no system that we know makes longer ones.
inline constexpr std::size_t kIdentifierMax = 128;
/// Longest note that an instrument may ask for, in code points: it has to fit into a body of kEnvelopeBytesMax.
inline constexpr std::size_t kTextLengthMax = 10'000;

/// Not empty, at most kIdentifierMax bytes, no control characters.
[[nodiscard]] bool is_identifier(std::string_view text) noexcept;

/// Whether the parts fit together: ids are identifiers and unique, patients' sites exist, plausible lies within possible
/// and so on. kInvalidArgument `invalid-study`, with the part at fault as a JSON Pointer.
[[nodiscard]] sluice::Result<void> check(const Study& study);

/// Nothing if the study has no such version.
[[nodiscard]] const Instrument* find_instrument(const Study& study, std::string_view oid, std::string_view version) noexcept;

/// The id of a patient whose id the study file leaves out, and of one who is known by a subject key only.
[[nodiscard]] Uuid patient_id_of(std::string_view study_oid, std::string_view subject_key);

}  // namespace epro
