// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <sluice/http/handler.hpp>

namespace sluice {
class Clock;
}
namespace sluice::observe {
class Logger;
class Registry;
}

namespace sluice::http::middleware {

/// At most `limit` requests of a route at a time; nobody waits, the others get 503 `max-connections` with Retry-After. Named as
/// go-zero's MaxConns; connections themselves are limited by ServerOptions::connections_max. Each handler that it is wrapped
/// around counts by itself. A streamed reply is counted until its handler has returned, not while it is sent.
/// Lifetime: metrics, log and clock outlive the chain.
[[nodiscard]] Middleware max_connections(std::size_t limit, observe::Registry& metrics, observe::Logger& log, Clock& clock);

}  // namespace sluice::http::middleware
