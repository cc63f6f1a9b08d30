// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/clock.hpp>

#include <apps/epro/record/value.hpp>

namespace epro {

struct Envelope;
struct Instrument;
struct VitalsItem;

/// The code systems of stored values.
inline constexpr std::string_view kCodeSystemLoinc = "http://loinc.org";
inline constexpr std::string_view kCodeSystemItems = "urn:study:items";  ///< link ids of an instrument

/// One value of an accepted report, as it is stored: one row of the table `datapoints`, version 1.
struct Datapoint {
  int ordinal = 0;  ///< its place in the report, from 0; with the submission's id it is the row's key
  std::string code_system;
  std::string code;
  Value value;                       ///< as written; never a structure
  std::string absent_reason;         ///< empty: none was given
  std::optional<double> number;      ///< of a number
  std::string unit;                  ///< UCUM as written, else the default; empty: none
  std::optional<double> std_number;  ///< in `std_unit`
  std::string std_unit;              ///< empty: there is no conversion
  std::optional<sluice::WallTime> effective_at;  ///< empty: the report gave no instant
  std::string effective_text;        ///< as its source wrote it: a date alone stays one
  std::string position;              ///< empty: not given

  friend bool operator==(const Datapoint&, const Datapoint&) = default;
};

/// "number", "text", "bool" or "missing": the column value_type. Requires: no structure.
[[nodiscard]] std::string_view value_type(ValueKind kind) noexcept;

/// The answers of a report that was accepted, in their order. Requires: judge() accepted it by this instrument.
[[nodiscard]] std::vector<Datapoint> datapoints_of(const Envelope& report, const Instrument& instrument);
/// The measurements of an item that was created; the ordinal is the place in `Vital`, whatever else was measured.
/// Requires: judge_vitals() found nothing wrong with it.
[[nodiscard]] std::vector<Datapoint> datapoints_of(const VitalsItem& item);

}  // namespace epro
