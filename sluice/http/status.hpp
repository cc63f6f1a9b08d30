// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

/// The HTTP status codes that we speak of by name (RFC 9110 §15, RFC 6585), so that no bare number stands in the code.
namespace sluice::http::status {

inline constexpr int kContinue = 100;
inline constexpr int kSwitchingProtocols = 101;
inline constexpr int kOk = 200;
inline constexpr int kCreated = 201;
inline constexpr int kAccepted = 202;
inline constexpr int kNoContent = 204;
inline constexpr int kNotModified = 304;
inline constexpr int kBadRequest = 400;
inline constexpr int kUnauthorized = 401;
inline constexpr int kForbidden = 403;
inline constexpr int kNotFound = 404;
inline constexpr int kMethodNotAllowed = 405;
inline constexpr int kRequestTimeout = 408;
inline constexpr int kConflict = 409;
inline constexpr int kLengthRequired = 411;
inline constexpr int kPreconditionFailed = 412;
inline constexpr int kContentTooLarge = 413;
inline constexpr int kUriTooLong = 414;
inline constexpr int kUnsupportedMediaType = 415;
inline constexpr int kExpectationFailed = 417;
inline constexpr int kMisdirectedRequest = 421;
inline constexpr int kUnprocessableContent = 422;
inline constexpr int kUpgradeRequired = 426;
inline constexpr int kTooManyRequests = 429;
inline constexpr int kHeaderFieldsTooLarge = 431;
inline constexpr int kClientClosedRequest = 499;  ///< nobody hears it; for logs and metrics (nginx's number)
inline constexpr int kInternalServerError = 500;
inline constexpr int kNotImplemented = 501;
inline constexpr int kBadGateway = 502;
inline constexpr int kServiceUnavailable = 503;
inline constexpr int kGatewayTimeout = 504;
inline constexpr int kVersionNotSupported = 505;

/// 1xx: the final answer is still to come.
[[nodiscard]] constexpr bool is_interim(int status) noexcept { return status >= 100 && status < 200; }
/// Our fault, or our load.
[[nodiscard]] constexpr bool is_server_error(int status) noexcept { return status >= 500; }
/// A reply with this status never has a body (RFC 9112 §6.3).
[[nodiscard]] constexpr bool has_no_body(int status) noexcept {
  return is_interim(status) || status == kNoContent || status == kNotModified;
}

/// "Not Found"; "Unknown" for a number without a name here.
[[nodiscard]] std::string_view phrase(int status) noexcept;

}  // namespace sluice::http::status
