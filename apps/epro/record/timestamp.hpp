// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <string_view>

#include <sluice/base/clock.hpp>

#include <apps/epro/record/finding.hpp>

namespace epro {

/// A moment as a device's wall clock showed it: the instant, and by how much that clock was ahead of UTC. The offset is
/// kept because a diary's window is defined in the patient's local evening.
struct Timestamp {
  sluice::WallTime at;
  std::chrono::minutes offset{0};

  friend bool operator==(const Timestamp&, const Timestamp&) = default;
};

/// The time zones of the earth reach from -12:00 to +14:00; FHIR's dateTime allows 14 hours either way, and so do we.
inline constexpr std::chrono::minutes kOffsetMax = std::chrono::hours(14);

/// Reads RFC 3339 and the variants that phones write: `T`, `t` or a space between date and time, `Z`, `+hh:mm`, `+hhmm`
/// or `+hh` as offset, seconds optional, a fraction of any length of which microseconds are kept (cut, not rounded: a
/// report never moves into the next day). Years 0001 to 9999, in local time and in UTC.
///
/// kCaptureTimeAmbiguous: it exists but is no instant: a year, a month, a date, a time without offset, or with `-00:00`,
/// which says "local offset unknown" (RFC 3339 §4.3). kCaptureTimeInvalid: anything else.
/// A leap second (23:59:60 UTC at the end of a month) becomes the last microsecond before it, so that its day stays
/// right; 24:00 does not exist.
[[nodiscard]] std::expected<Timestamp, FindingCode> parse_timestamp(std::string_view text);

/// RFC 3339 in the device's local time, "2026-03-02T20:03:11.120+01:00"; offset 0 is "Z". The fraction has no, three or
/// six digits, as few as lose nothing. Reading it back gives the same value. Requires: years 0001 to 9999.
[[nodiscard]] std::string format_timestamp(const Timestamp& time);
/// The same in UTC.
[[nodiscard]] std::string format_timestamp(sluice::WallTime time);

}  // namespace epro
