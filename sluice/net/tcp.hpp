// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include <sluice/base/result.hpp>
#include <sluice/net/stream.hpp>

namespace sluice::net {

/// Listens for TCP connections; port 0 takes a free one, which address() then tells. An address that a process that has
/// just ended was listening on can be taken again (SO_REUSEADDR).
/// kUnavailable or kPermissionDenied: the address is taken, is not ours, or is not for us. Requires: in a fiber.
[[nodiscard]] Result<std::unique_ptr<Listener>> listen(const Address& address);

/// Parks until the connection stands. Small writes go out at once (TCP_NODELAY).
/// kUnavailable: refused or unreachable; the cause of ctx if that ends first.
[[nodiscard]] Result<std::unique_ptr<Stream>> connect(Context& ctx, const Address& address);

/// Looks the place up and connects to its first address that answers; the last one's error if none does.
[[nodiscard]] Result<std::unique_ptr<Stream>> dial(Context& ctx, const HostPort& place);

}  // namespace sluice::net
