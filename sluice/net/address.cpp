// SPDX-License-Identifier: MIT
#include <sluice/net/address.hpp>

#include <charconv>
#include <memory>
#include <utility>

#include <arpa/inet.h>
#include <netdb.h>

#include <sluice/net/internal/socket_address.hpp>
#include <sluice/runtime/blocking.hpp>

namespace sluice::net {
namespace {

// RFC 1035 §2.3.4: a name has at most 255 octets.
constexpr std::size_t kHostBytesMax = 255;

std::unexpected<Error> refuse(const char* reason, std::string_view field, std::string detail) {
  return fail(Error(Code::kInvalidArgument, std::move(detail)).because(reason).at(std::string(field)));
}

bool is_host(std::string_view host) {
  if (host.size() > kHostBytesMax) return false;
  for (char c : host) {
    if (c <= ' ' || c > '~' || c == '[' || c == ']' || c == '/') return false;
  }
  return true;
}

std::optional<std::uint16_t> parse_port(std::string_view digits) {
  std::uint16_t port = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return port;
}

// Where the host ends in "host:port" or "[host]:port"; npos if there is no such place.
std::size_t find_port_colon(std::string_view text) {
  if (!text.starts_with('[')) {
    std::size_t colon = text.find(':');
    return colon == text.rfind(':') ? colon : text.npos;  // two colons: an IPv6 literal that lacks its brackets
  }
  std::size_t bracket = text.find(']');
  if (bracket == text.npos || bracket + 1 >= text.size() || text[bracket + 1] != ':') return text.npos;
  return bracket + 1;
}

Error name_error(int code) {
  bool unknown = code == EAI_NONAME || code == EAI_NODATA;
  return Error(unknown ? Code::kNotFound : Code::kUnavailable, std::string("getaddrinfo: ") + ::gai_strerror(code))
      .because(unknown ? "unknown-host" : "name-service");
}

}  // namespace

Result<HostPort> parse_host_port(std::string_view text, std::string_view field) {
  std::size_t colon = find_port_colon(text);
  if (colon == text.npos) return refuse("bad-port", field, "wanted host:port, or [host]:port for IPv6");
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[')) {
    host = host.substr(1, host.size() - 2);
    if (!Address::from_ip(host, 0)) return refuse("bad-host", field, "wanted an IPv6 address between the brackets");
  }
  if (!is_host(host)) return refuse("bad-host", field, "a host is a name or an IP address");
  auto port = parse_port(text.substr(colon + 1));
  if (!port) return refuse("bad-port", field, "a port is a number from 0 to 65535");
  return HostPort{std::string(host), *port};
}

std::optional<Address> Address::from_ip(std::string_view literal, std::uint16_t port) {
  Address address;
  address.port = port;
  const std::string text(literal);  // inet_pton wants an end mark
  if (::inet_pton(AF_INET, text.c_str(), address.ip.data()) == 1) return address;
  address.family = Family::kIpV6;
  if (::inet_pton(AF_INET6, text.c_str(), address.ip.data()) == 1) return address;
  return std::nullopt;
}

std::string Address::to_string() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family == Family::kIpV4) {
    ::inet_ntop(AF_INET, ip.data(), text, sizeof text);
    return std::string(text) + ":" + std::to_string(port);
  }
  ::inet_ntop(AF_INET6, ip.data(), text, sizeof text);
  return "[" + std::string(text) + "]:" + std::to_string(port);
}

Result<std::vector<Address>> resolve(Context& ctx, const HostPort& place) {
  if (place.host.empty()) return std::vector{Address{.port = place.port}};
  if (auto literal = Address::from_ip(place.host, place.port)) return std::vector{*literal};
  SLUICE_TRY(ctx.check());

  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  int code = blocking([&] { return ::getaddrinfo(place.host.c_str(), nullptr, &hints, &found); });
  if (code != 0) return fail(name_error(code));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);

  std::vector<Address> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    Address address = internal::to_address(each->ai_addr);
    address.port = place.port;
    addresses.push_back(address);
  }
  return addresses;
}

}  // namespace sluice::net
