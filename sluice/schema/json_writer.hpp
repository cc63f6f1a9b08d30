// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include <sluice/schema/json_value.hpp>

namespace sluice::schema {

/// The value as compact JSON, members in their order, numbers as they are spelled.
[[nodiscard]] std::string to_text(const Json& json);
/// The value in one fixed way of writing, for comparing and hashing: as to_text, but members are sorted by name (by
/// bytes) and those that are null are left out. Two values with equal texts say the same.
[[nodiscard]] std::string canonical_text(const Json& json);

/// As to_text, appended.
void append_json(std::string& out, const Json& json);
/// A string with its quotes, appended. Only what must be escaped is, in its shortest form (RFC 8785 §3.2.2.2); bytes
/// that are not UTF-8 become U+FFFD, so that the result always is JSON.
void append_json_string(std::string& out, std::string_view text);
/// In the shortest spelling that reads back as the same double; null for infinities and NaN, which JSON has not.
void append_json_number(std::string& out, double value);

}  // namespace sluice::schema
