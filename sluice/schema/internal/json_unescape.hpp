// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace sluice::schema::internal {

enum class Unescape : std::uint8_t { kOk, kNoSuchEscape, kHalfSurrogate };

/// Appends the text that a JSON string spells (RFC 8259 §7) to `out`. `from` is what follows its opening quote.
/// Requires: a closing quote follows, as simdjson's first stage has made sure. What comes before it may be anything.
[[nodiscard]] Unescape unescape_json_string(const char* from, std::string& out);

}  // namespace sluice::schema::internal
