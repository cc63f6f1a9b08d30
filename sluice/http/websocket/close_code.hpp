// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include <sluice/base/result.hpp>

namespace sluice::http::websocket {

/// Why a connection ends, as its Close frame says (RFC 6455 §7.4.1 and IANA's registry). 3000 to 3999 belong to libraries,
/// 4000 to 4999 to applications: CloseCode(4001).
enum class CloseCode : std::uint16_t {
  kNormal = 1000,
  kGoingAway = 1001,  ///< the server stops, or the browser leaves the page
  kProtocolError = 1002,
  kUnsupportedData = 1003,
  kNone = 1005,  ///< its Close frame named no code; never sent
  kBadPayload = 1007,  ///< text that is not UTF-8
  kPolicyViolation = 1008,
  kTooBig = 1009,
  kMissingExtension = 1010,
  kInternalError = 1011,
  kServiceRestart = 1012,
  kTryAgainLater = 1013,
  kBadGateway = 1014,
};

/// Whether a Close frame may say so. Those that only describe a missing frame (1004 to 1006, 1015) and those that belong
/// to nobody may not.
[[nodiscard]] constexpr bool may_be_sent(CloseCode code) noexcept {
  auto number = static_cast<std::uint16_t>(code);
  return (number >= 1000 && number <= 1003) || (number >= 1007 && number <= 1014) || (number >= 3000 && number <= 4999);
}

/// What the other side said as it closed.
struct Close {
  CloseCode code = CloseCode::kNone;
  std::string reason = {};  ///< UTF-8, 123 bytes at most; may be anybody's data

  friend bool operator==(const Close&, const Close&) = default;
};

/// The code that tells the other side why we break off: kTooBig for `too-large`, kTryAgainLater for `overloaded`,
/// kBadPayload for `bad-utf8`, else kProtocolError.
[[nodiscard]] CloseCode close_code_of(const Error& error) noexcept;

}  // namespace sluice::http::websocket
