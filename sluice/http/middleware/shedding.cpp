// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/shedding.hpp>

#include <memory>
#include <utility>

#include <sluice/base/clock.hpp>
#include <sluice/governance/shedder.hpp>
#include <sluice/http/middleware/refuser.hpp>

namespace sluice::http::middleware {
namespace {

Response carry(Context& ctx, Request& request, const Handler& next, governance::Shedder& shedder, const Clock& clock,
               Instant begun) {
  // Landed also if an exception passes by: then it was not carried.
  struct Flight {
    governance::Shedder& shedder;
    const Clock& clock;
    bool is_carried = false;
    ~Flight() {
      if (!is_carried) shedder.fail(clock.now());
    }
  } flight{shedder, clock};
  Response response = next(ctx, request);
  if (response.status != status::kServiceUnavailable) {
    Instant made = response.made_at(clock);
    flight.is_carried = true;
    shedder.pass(made, made - begun);
  }
  return response;
}

}  // namespace

Middleware shedding(governance::Shedder& shedder, observe::Registry& metrics, observe::Logger& log, Clock& clock) {
  // shared_ptr: one count and one limit on log lines for all routes, and the copies of their handlers.
  auto refuser = std::make_shared<Refuser>("shedding", metrics, log, clock);
  return [refuser, &shedder, &clock](Handler next) -> Handler {
    return [refuser, &shedder, &clock, next = std::move(next)](Context& ctx, Request& request) -> Response {
      Instant begun = request.begun(clock);
      return shedder.allow(begun) ? carry(ctx, request, next, shedder, clock, begun) : refuser->shed(request);
    };
  };
}

}  // namespace sluice::http::middleware
