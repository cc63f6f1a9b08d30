// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <sluice/base/result.hpp>
#include <sluice/net/address.hpp>

namespace sluice::http {

/// Who is asked, and how.
struct Origin {
  bool is_secure = false;  ///< https: over TLS
  net::HostPort server;

  friend bool operator==(const Origin&, const Origin&) = default;
};

/// What "http://host:port" or "https://host:port" points to; without a port 80 or 443; one slash may follow.
/// kInvalidArgument names `field`, never the text: `bad-url` (another scheme, user information, a path), or as
/// parse_host_port.
[[nodiscard]] Result<Origin> parse_origin(std::string_view url, std::string_view field);

}  // namespace sluice::http
