// SPDX-License-Identifier: MIT
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace epro {

/// Which numbers are allowed, plausible or possible: an interval with each end included or not.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool includes_low = true;
  bool includes_high = true;

  /// A NaN is in no range.
  [[nodiscard]] bool contains(double number) const noexcept;
  /// Every number of this range is one of `outer` too.
  [[nodiscard]] bool lies_within(const Range& outer) const noexcept;

  friend bool operator==(const Range&, const Range&) = default;
};

/// go-zero's notation: "[0:10]", "(1:100]", "[0:)". One end may be left out, not both; low <= high, and equal ends are
/// both included. Nothing for any other text.
[[nodiscard]] std::optional<Range> parse_range(std::string_view text);
/// The same notation with the shortest numbers; reading it back gives an equal range. Requires: one end is finite.
[[nodiscard]] std::string to_text(const Range& range);

}  // namespace epro
