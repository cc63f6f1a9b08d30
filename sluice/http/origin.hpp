// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <sluice/base/result.hpp>
#include <sluice/net/address.hpp>

namespace sluice::http {

/// Where "http://host:port" or "http://host" (port 80) points to; one slash may follow. kInvalidArgument names `field`,
/// never the text: `bad-url` (another scheme, user information, a path), or as parse_host_port.
[[nodiscard]] Result<net::HostPort> parse_origin(std::string_view url, std::string_view field);

}  // namespace sluice::http
