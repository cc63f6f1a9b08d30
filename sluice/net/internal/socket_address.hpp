// SPDX-License-Identifier: MIT
#pragma once

#include <cstring>

#include <netinet/in.h>
#include <sys/socket.h>

#include <sluice/net/address.hpp>

namespace sluice::net::internal {

/// The kernel's form of an Address.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  SocketAddress() = default;
  explicit SocketAddress(const Address& address) noexcept;
  [[nodiscard]] sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] int family() const noexcept { return storage.ss_family; }
};

/// Requires: an IPv4 or IPv6 address, which is all that our sockets have.
[[nodiscard]] Address to_address(const sockaddr* from) noexcept;

// ---- implementation ----

inline SocketAddress::SocketAddress(const Address& address) noexcept {
  if (address.family == Address::Family::kIpV4) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&v4.sin_addr, address.ip.data(), sizeof v4.sin_addr);
    std::memcpy(&storage, &v4, size = sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    std::memcpy(&v6.sin6_addr, address.ip.data(), sizeof v6.sin6_addr);
    std::memcpy(&storage, &v6, size = sizeof v6);
  }
}

inline Address to_address(const sockaddr* from) noexcept {
  Address address;
  if (from->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, from, sizeof v6);
    address.family = Address::Family::kIpV6;
    address.port = ntohs(v6.sin6_port);
    std::memcpy(address.ip.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
  } else {
    sockaddr_in v4;
    std::memcpy(&v4, from, sizeof v4);
    address.port = ntohs(v4.sin_port);
    std::memcpy(address.ip.data(), &v4.sin_addr, sizeof v4.sin_addr);
  }
  return address;
}

}  // namespace sluice::net::internal
