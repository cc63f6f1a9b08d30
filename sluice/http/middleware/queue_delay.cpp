// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/queue_delay.hpp>

#include <memory>
#include <utility>

#include <sluice/base/clock.hpp>
#include <sluice/governance/queue_delay.hpp>
#include <sluice/http/middleware/refuser.hpp>

namespace sluice::http::middleware {

Middleware queue_delay(governance::QueueDelay& delay, observe::Registry& metrics, observe::Logger& log, Clock& clock) {
  // shared_ptr: one limit on log lines for all routes, and the copies of their handlers.
  auto refuser = std::make_shared<Refuser>("queue-delay", metrics, log, clock);
  return [refuser, &delay, &clock](Handler next) -> Handler {
    return [refuser, &delay, &clock, next = std::move(next)](Context& ctx, Request& request) -> Response {
      if (request.arrived() != Instant()) {
        Instant now = request.begun(clock);
        if (!delay.admit(now, now - request.arrived())) return refuser->shed(request);
      }
      return next(ctx, request);
    };
  };
}

}  // namespace sluice::http::middleware
