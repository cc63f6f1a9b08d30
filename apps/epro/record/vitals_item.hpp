// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/schema/json_value.hpp>

#include <apps/epro/record/finding.hpp>
#include <apps/epro/record/timestamp.hpp>
#include <apps/epro/record/uuid.hpp>
#include <apps/epro/record/value.hpp>
#include <apps/epro/record/vital_sign.hpp>

namespace epro {

/// One vital sign as it was measured, or the reason why it was not.
struct Measurement {
  Vital vital;
  Value value;
  Value unit;    ///< as written, UCUM; missing: the quantity's standard unit
  Value absent;  ///< why there is no value: "not-performed"; missing if there is one

  friend bool operator==(const Measurement&, const Measurement&) = default;
};

/// The row of an SDTM data set that a measurement came from: what an export needs to give back the same row, and what the
/// item cannot say otherwise. Such an item holds one measurement.
struct SdtmSource {
  std::int64_t seq = 0;   ///< VSSEQ, at least 1
  std::string test_code;  ///< VSTESTCD: two of them, HR and PULSE, are one vital sign
  std::string unit;       ///< VSORRESU as written; empty if nothing was measured
  std::string date;       ///< VSDTC as written: the instant of a date alone is a convention, the date is the fact

  friend bool operator==(const SdtmSource&, const SdtmSource&) = default;
};

/// One item of a batch, read but not judged: what one person's vital signs were at one time.
struct VitalsItem {
  Uuid id;
  Uuid patient_id;
  std::expected<Timestamp, FindingCode> effective_at;
  std::vector<Measurement> measurements;  ///< in the order of `Vital`; one without value and reason is not there
  Value position;                         ///< "SUPINE", "SITTING", "STANDING"…; missing if not given
  std::optional<SdtmSource> sdtm;
  /// The item in one fixed way of writing: compact JSON, members sorted, ids in lower case, what is null left out,
  /// numbers as they were spelled. Two items with equal texts have equal content (`duplicate`), all others differ
  /// (`conflict`). Reading it back gives an equal item.
  std::string canonical;
};

/// The canonical text of an item that was made here, from its values alone: what reading it back gives is equal.
/// Requires: `effective_at` is an instant, no value is a structure, and the two pressures are in one unit.
[[nodiscard]] std::string canonical_text(const VitalsItem& item);

/// An item nests two deep; the rest is for fields that we keep without looking at them.
inline constexpr std::size_t kVitalsItemDepthMax = 8;
/// Of a batch: an object around a list of items. An item that stands alone may nest as deep, so that whatever came in by
/// one of the batch's forms can be read alone later.
inline constexpr std::size_t kVitalsBatchDepthMax = kVitalsItemDepthMax + 2;

/// Reads an item that stands alone: a line of NDJSON, or a canonical text. The error's reason is `malformed-json`,
/// `invalid-utf8`, `duplicate-key`, `too-deep`, or as below.
[[nodiscard]] sluice::Result<VitalsItem> parse_vitals_item(std::string_view text);
/// Reads an item of a document. kInvalidArgument `invalid-envelope`: it is no object, or has no proper id, patientId or
/// effectiveAt, or a malformed `absent` or `sdtm`; the error's field is a JSON Pointer relative to the item.
[[nodiscard]] sluice::Result<VitalsItem> read_vitals_item(const sluice::schema::Json& json);

}  // namespace epro
