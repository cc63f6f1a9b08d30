// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/schema/json_value.hpp>

namespace sluice::http {

/// What signs tokens. With two, those of either are taken: so a secret is changed without a moment in which tokens that
/// were good are refused.
struct JwtSecrets {
  // go-zero's floor. For HS256 RFC 7518 §3.2 asks for 32 bytes.
  static constexpr std::size_t kBytesMin = 8;

  std::string secret;
  std::string previous = {};  ///< empty: none
};

/// Whether a token (RFC 7519) was signed by one of our secrets, and counts now: HS256, HS384 and HS512, as go-zero takes them.
/// A token chooses among these and nothing else; `none`, keys of other kinds and `crit` are refused.
/// `exp`, `nbf` and `iat` are held against the clock without leeway; a token without them never ends.
/// Threads: any. Source: RFC 7515 §5.2, RFC 7519 §7.2; go-zero rest/token (contracts §4.4).
class JwtVerifier {
 public:
  /// Far more than cookies or proxies let through.
  static constexpr std::size_t kTokenBytesMax = 8192;

  /// kInvalidArgument: a secret is shorter than kBytesMin.
  [[nodiscard]] static Result<JwtVerifier> make(JwtSecrets secrets);

  /// The claims, an object. kUnauthenticated, and nothing of the token in it, with one of these reasons:
  ///   `token-malformed`   no three parts of base64url, no JSON objects, a claim of a wrong type, larger than kTokenBytesMax
  ///   `token-algorithm`   not one of ours
  ///   `token-signature`   not by one of our secrets
  ///   `token-expired`, `token-early`
  [[nodiscard]] Result<schema::Json> verify(std::string_view token, WallTime now) const;

 private:
  explicit JwtVerifier(JwtSecrets secrets) : secrets_(std::move(secrets)) {}

  JwtSecrets secrets_;
};

/// The claims of the token that a request came with, all of them, also the registered ones: set by middleware/authorize.
///   const schema::Json* claims = ctx.get(http::kClaimsKey);
inline constexpr ContextKey<schema::Json> kClaimsKey{"claims"};

}  // namespace sluice::http
