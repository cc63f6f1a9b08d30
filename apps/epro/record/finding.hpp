// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace epro {

/// Why a report is kept in quarantine: the closed list of api.md. The report is acknowledged and stored all the same;
/// a person decides later.
enum class FindingCode : std::uint8_t {
  kInstrumentVersionUnknown,
  kItemUnknown,
  kValueNotAllowed,
  kValueType,
  kUnitUnknown,
  kUnitImplausible,       ///< impossible as written, but an ordinary value in another unit of the same quantity
  kCaptureTimeAmbiguous,  ///< no offset, or a date only: the instant cannot be known
  kCaptureTimeInvalid,    ///< no such day or time
  kPatientWithdrawn,
  kEmpty,
};

/// "value-type" and the like, as in receipts, the quarantine table and clients' code.
[[nodiscard]] std::string_view to_string(FindingCode code) noexcept;

/// One thing wrong with one part of a report. `pointer` is a JSON Pointer (RFC 6901) into the report, or into the item of
/// a batch; it names the part and never holds its value.
struct Finding {
  FindingCode code;
  std::string pointer;

  friend bool operator==(const Finding&, const Finding&) = default;
};

}  // namespace epro
