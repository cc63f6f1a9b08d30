// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace sluice::http::middleware {

/// What logs and metrics call a request's method: a name of HTTP's own (RFC 9110 §9, RFC 5789), or "OTHER". Any token is a
/// method, so the name that was sent would be the sender's text in a log, and as many series as a sender likes.
[[nodiscard]] inline std::string_view method_label(std::string_view method) noexcept {
  constexpr std::array<std::string_view, 9> kMethods = {"GET",    "HEAD",    "POST",  "PUT",    "PATCH",
                                                        "DELETE", "OPTIONS", "TRACE", "CONNECT"};
  return std::find(kMethods.begin(), kMethods.end(), method) == kMethods.end() ? std::string_view("OTHER") : method;
}

}  // namespace sluice::http::middleware
