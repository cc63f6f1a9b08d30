// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace epro {

enum class ValueKind : std::uint8_t {
  kMissing,    ///< not given, or null; `text` is empty
  kNumber,     ///< `text` is its spelling: 925.0 stays 925.0
  kText,       ///< `text` is the text
  kBoolean,    ///< `text` is "true" or "false"
  kStructure,  ///< an object or an array, where no answer is one; `text` is empty
};

/// An answer or a measurement as it was written. It is kept in its spelling because precision is part of what was
/// measured (37.0 is not 37), and the original is what must be preserved.
struct Value {
  ValueKind kind = ValueKind::kMissing;
  std::string text;

  friend bool operator==(const Value&, const Value&) = default;
};

/// The number that a JSON number spells; nothing for other text, and for what lies beyond a double (1e400, 1e-400).
[[nodiscard]] std::optional<double> number_of(std::string_view spelling) noexcept;

/// Whether the text is a number as JSON writes it: no leading plus, no leading zero, a digit on both sides of the point.
[[nodiscard]] bool is_json_number(std::string_view text) noexcept;

}  // namespace epro
