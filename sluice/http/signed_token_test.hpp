// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include <sluice/base/bytes.hpp>
#include <sluice/base/digest.hpp>

namespace sluice::http {

inline const std::string kTestSecret = "a secret for tests";
inline constexpr std::string_view kHs256 = R"({"alg":"HS256","typ":"JWT"})";

inline std::string to_base64url(std::span<const std::byte> bytes) {
  std::string text = to_base64(bytes);
  text.erase(std::find(text.begin(), text.end(), '='), text.end());
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

/// Signed by the hash that the header names; by HS256 if it names none that there is.
inline std::string make_token(std::string_view header, std::string_view claims, std::string_view secret = kTestSecret) {
  std::string text = to_base64url(as_bytes(header)) + "." + to_base64url(as_bytes(claims));
  auto key = as_bytes(secret), bytes = as_bytes(std::string_view(text));
  std::string signature = header.contains("HS512")   ? to_base64url(hmac_sha512(key, bytes))
                          : header.contains("HS384") ? to_base64url(hmac_sha384(key, bytes))
                                                     : to_base64url(hmac_sha256(key, bytes));
  return text + "." + signature;
}

}  // namespace sluice::http
