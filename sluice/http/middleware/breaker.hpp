// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/http/handler.hpp>

namespace sluice {
class Clock;
}
namespace sluice::observe {
class Logger;
class Registry;
}

namespace sluice::http::middleware {

/// Spares a route that is failing (governance/breaker.hpp): a reply of 500 or more is a failure, whoever made it, so also a
/// timeout; unlike go-zero's, one for lack of time (Response::is_shed) is not: under load the breaker would refuse those, too, for
/// whom there is time (bench/overload). Who is refused gets 503 `breaker-open` with Retry-After, without the handler being called; counted in
/// http_server_refused_total{reason="breaker-open"}, logged once a second at most, and told as an alert every five minutes.
/// Each handler that it is wrapped around has a breaker of its own. A streamed reply is judged by its status alone.
/// Lifetime: clock, log and metrics outlive the chain.
[[nodiscard]] Middleware breaker(observe::Registry& metrics, observe::Logger& log, Clock& clock);

}  // namespace sluice::http::middleware
