// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::net {

/// A place on the network as people write it: "db.local:5432", "127.0.0.1:0", "[::1]:8888". Not looked up yet.
struct HostPort {
  std::string host;  ///< a name or an IP literal, without brackets; empty: every local address (to listen on)
  std::uint16_t port = 0;

  friend bool operator==(const HostPort&, const HostPort&) = default;
};

/// Reads "host:port"; an IPv6 literal stands in brackets. kInvalidArgument names `field`, never the text:
/// `bad-host` (empty brackets, unbalanced brackets, blanks, longer than DNS allows) or `bad-port` (missing, not 0..65535).
[[nodiscard]] Result<HostPort> parse_host_port(std::string_view text, std::string_view field);

/// An IP address with a port: what a socket is bound or connected to.
struct Address {
  enum class Family : std::uint8_t { kIpV4, kIpV6 };

  Family family = Family::kIpV4;
  std::uint16_t port = 0;
  std::array<std::uint8_t, 16> ip{};  ///< in network order; IPv4 uses the first four bytes

  /// Reads an IP literal without brackets; nothing if it is a name or malformed.
  [[nodiscard]] static std::optional<Address> from_ip(std::string_view literal, std::uint16_t port);
  /// "127.0.0.1:8888", "[::1]:8888".
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const Address&, const Address&) = default;
};

/// The addresses of a place, in the order in which they should be tried; at least one. An IP literal costs nothing; a
/// name goes through getaddrinfo in blocking(), which parks and cannot be interrupted once begun.
/// kNotFound `unknown-host`: there is no such name. kUnavailable: the name service does not answer.
[[nodiscard]] Result<std::vector<Address>> resolve(Context& ctx, const HostPort& place);

}  // namespace sluice::net
