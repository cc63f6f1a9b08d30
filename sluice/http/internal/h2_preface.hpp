// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::http::internal {

/// What a client that speaks HTTP/2 sends first; nothing that HTTP/1.1 knows begins so. Source: RFC 9113 §3.4.
inline constexpr std::string_view kH2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum class Opening : std::uint8_t {
  kUndecided,  ///< come again with more
  kHttp1,
  kHttp2,
};

/// Which protocol a connection that begins with these bytes speaks. Requires: at least one.
[[nodiscard]] constexpr Opening opening_of(std::string_view first_bytes) noexcept {
  std::string_view common = first_bytes.substr(0, kH2Preface.size());
  if (!kH2Preface.starts_with(common)) return Opening::kHttp1;
  return common.size() == kH2Preface.size() ? Opening::kHttp2 : Opening::kUndecided;
}

}  // namespace sluice::http::internal
