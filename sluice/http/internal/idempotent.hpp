// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace sluice::http::internal {

/// Whether a request with this method may be made twice, as far as its method says. Source: RFC 9110 §9.2.2, without TRACE.
[[nodiscard]] constexpr bool is_idempotent(std::string_view method) noexcept {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS";
}

}  // namespace sluice::http::internal
