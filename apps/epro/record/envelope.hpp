// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include <sluice/base/result.hpp>

#include <apps/epro/record/finding.hpp>
#include <apps/epro/record/timestamp.hpp>
#include <apps/epro/record/uuid.hpp>
#include <apps/epro/record/value.hpp>

namespace epro {

/// A diary is 0.5 to 2 KB and a long FHIR questionnaire 3 KB; 64 KiB leaves room for notes and bounds what one report
/// costs in memory and in the journal.
inline constexpr std::size_t kEnvelopeBytesMax = 64 * 1024;
/// The longest instruments in use ask some 200 questions.
inline constexpr std::size_t kEnvelopeItemsMax = 500;
/// Ours nests three deep; the rest is for the fields that we keep without looking at them.
inline constexpr std::size_t kEnvelopeDepthMax = 16;

/// Which report this is among those that one installation of the app has finalised: the only way to know about reports
/// that never arrived. A new installation, or a lost counter, begins a new epoch.
struct DeviceSeq {
  std::string id;
  std::int64_t epoch = 0;  ///< at least 1
  std::int64_t seq = 0;    ///< at least 1

  friend bool operator==(const DeviceSeq&, const DeviceSeq&) = default;
};

/// One answer. `unit` and `absent` (the reason why there is no value) are as written; that they are texts is for judge()
/// to find.
struct Answer {
  std::string link_id;
  Value value;
  Value unit;
  Value absent;

  friend bool operator==(const Answer&, const Answer&) = default;
};

/// A report's cover, read and complete, with its answers not yet judged. A time that denotes no instant does not make it
/// less of a report: it is kept as the finding that it leads to.
struct Envelope {
  Uuid submission_id;
  Uuid patient_id;
  DeviceSeq device;
  std::string instrument_oid;
  std::string instrument_version;
  std::string window_id;  ///< empty: the app named none
  std::string originator;
  std::expected<Timestamp, FindingCode> captured_at;
  std::expected<Timestamp, FindingCode> sent_at;
  std::vector<Answer> answers;
};

/// Reads the body of a submission (api.md). Fields that it does not know are ignored; nothing is judged yet.
/// The error's reason is the refusal's code: `malformed-json`, `invalid-utf8`, `duplicate-key`, `too-deep`, `too-large`,
/// or `invalid-envelope` with the JSON Pointer of the field that is missing or is not what it has to be. A duplicate key
/// has a pointer too. Pure.
[[nodiscard]] sluice::Result<Envelope> parse_envelope(std::span<const std::byte> body);

}  // namespace epro
