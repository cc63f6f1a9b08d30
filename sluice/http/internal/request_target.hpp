// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace sluice::http::internal {

/// What a request may be about, whatever version of HTTP brings it: one meaning for all parsers, or none.

/// A token, and no longer than twice the longest that is registered.
[[nodiscard]] bool is_method(std::string_view text) noexcept;

/// RFC 9112 §3.2: origin-form, absolute-form without user information, or for OPTIONS the asterisk.
[[nodiscard]] bool is_target(std::string_view target, std::string_view method) noexcept;

/// RFC 3986 §3.2, loosely: what could end a host for one parser and not for another is refused.
[[nodiscard]] bool is_host(std::string_view host) noexcept;

}  // namespace sluice::http::internal
