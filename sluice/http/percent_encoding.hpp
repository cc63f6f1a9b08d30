// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::http {

/// The bytes of a percent-encoded text; nothing if an escape is malformed or stands for NUL.
/// Source: RFC 3986 §2.1.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);
/// The same for a form or a query, where '+' stands for a blank.
[[nodiscard]] std::optional<std::string> form_decode(std::string_view text);
/// Escapes all but RFC 3986's unreserved characters: for one segment of a path or one value of a query.
[[nodiscard]] std::string percent_encode(std::string_view bytes);

}  // namespace sluice::http
