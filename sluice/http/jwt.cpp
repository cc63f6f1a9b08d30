// SPDX-License-Identifier: MIT
#include <sluice/http/jwt.hpp>

#include <chrono>
#include <optional>
#include <utility>

#include <sluice/base/bytes.hpp>
#include <sluice/base/digest.hpp>
#include <sluice/schema/json_reader.hpp>

namespace sluice::http {
namespace {

using schema::Json;

// Claims are a handful of names, numbers and lists.
constexpr schema::JsonLimits kClaimsLimits{
    .depth_max = 16, .bytes_max = JwtVerifier::kTokenBytesMax, .values_max = 1000};

std::unexpected<Error> refuse(const char* reason) { return fail(Error(Code::kUnauthenticated).because(reason)); }

// A token's parts: what is signed, and the signature.
struct Parts {
  std::string_view header;
  std::string_view claims;
  std::string_view signed_text;  // both, with the dot between
  std::string_view signature;
};

std::optional<Parts> split(std::string_view token) {
  std::size_t first = token.find('.');
  std::size_t last = token.rfind('.');
  if (first == token.npos || first == last || token.find('.', first + 1) != last) return std::nullopt;
  return Parts{token.substr(0, first), token.substr(first + 1, last - first - 1), token.substr(0, last),
               token.substr(last + 1)};
}

std::optional<Json> read_object(std::string_view base64url) {
  auto text = from_base64url(base64url);
  if (!text) return std::nullopt;
  auto json = schema::parse_json(*text, kClaimsLimits);
  if (!json || !json->is_object()) return std::nullopt;
  return *std::move(json);
}

enum class Algorithm { kHs256, kHs384, kHs512 };

std::optional<Algorithm> algorithm_of(const Json& header) {
  const Json* name = header.find("alg");
  // RFC 7515 §4.1.11: extensions that must be understood, and none is.
  if (name == nullptr || !name->is_string() || header.find("crit") != nullptr) return std::nullopt;
  if (name->text() == "HS256") return Algorithm::kHs256;
  if (name->text() == "HS384") return Algorithm::kHs384;
  if (name->text() == "HS512") return Algorithm::kHs512;
  return std::nullopt;
}

bool is_signed_by(std::string_view secret, Algorithm algorithm, std::string_view text, std::string_view signature) {
  auto is_equal = [&](const auto& digest) { return equal_in_constant_time(digest, as_bytes(signature)); };
  switch (algorithm) {
    case Algorithm::kHs256: return is_equal(hmac_sha256(as_bytes(secret), as_bytes(text)));
    case Algorithm::kHs384: return is_equal(hmac_sha384(as_bytes(secret), as_bytes(text)));
    case Algorithm::kHs512: return is_equal(hmac_sha512(as_bytes(secret), as_bytes(text)));
  }
  return false;
}

// Seconds since 1970; `otherwise` if the claim is not there, nothing if it is no number.
std::optional<double> time_claim(const Json& claims, std::string_view name, double otherwise) {
  const Json* claim = claims.find(name);
  if (claim == nullptr) return otherwise;
  return claim->is_number() ? claim->number() : std::nullopt;
}

Result<void> check_times(const Json& claims, WallTime now) {
  const double seconds = std::chrono::duration<double>(now.time_since_epoch()).count();
  auto expires = time_claim(claims, "exp", seconds + 1);
  auto not_before = time_claim(claims, "nbf", seconds);
  auto issued = time_claim(claims, "iat", seconds);
  if (!expires || !not_before || !issued) return refuse("token-malformed");
  if (seconds >= *expires) return refuse("token-expired");
  if (seconds < *not_before || seconds < *issued) return refuse("token-early");
  return {};
}

}  // namespace

Result<JwtVerifier> JwtVerifier::make(JwtSecrets secrets) {
  bool has_short_one = secrets.secret.size() < JwtSecrets::kBytesMin ||
                       (!secrets.previous.empty() && secrets.previous.size() < JwtSecrets::kBytesMin);
  if (has_short_one) return fail(Error(Code::kInvalidArgument, "a secret has 8 bytes or more").because("short-secret"));
  return JwtVerifier(std::move(secrets));
}

// Nothing of the claims is looked at before the signature holds.
Result<Json> JwtVerifier::verify(std::string_view token, WallTime now) const {
  if (token.size() > kTokenBytesMax) return refuse("token-malformed");
  auto parts = split(token);
  if (!parts) return refuse("token-malformed");
  auto header = read_object(parts->header);
  auto signature = from_base64url(parts->signature);
  if (!header || !signature) return refuse("token-malformed");
  auto algorithm = algorithm_of(*header);
  if (!algorithm) return refuse("token-algorithm");
  bool is_ours = is_signed_by(secrets_.secret, *algorithm, parts->signed_text, *signature) ||
                 (!secrets_.previous.empty() && is_signed_by(secrets_.previous, *algorithm, parts->signed_text, *signature));
  if (!is_ours) return refuse("token-signature");
  auto claims = read_object(parts->claims);
  if (!claims) return refuse("token-malformed");
  SLUICE_TRY(check_times(*claims, now));
  return *std::move(claims);
}

}  // namespace sluice::http
