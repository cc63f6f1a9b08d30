// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <sluice/base/clock.hpp>

namespace sluice::schema {

/// The length of time that a text names: one or more whole numbers with a unit each, largest unit first: "500ms", "3s",
/// "1h30m", "0s". Units: h, m, s, ms, us, ns, each at most once. Nothing for other text, without a unit ("10"), with a
/// sign, and beyond the range of Duration (292 years).
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text) noexcept;

/// As parse_duration reads it, in its shortest form: "1h30m", "500ms", "0s". Requires: length >= 0.
[[nodiscard]] std::string format_duration(Duration length);

}  // namespace sluice::schema
