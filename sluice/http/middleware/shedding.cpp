// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/shedding.hpp>

#include <memory>
#include <utility>

#include <sluice/base/clock.hpp>
#include <sluice/governance/shedder.hpp>
#include <sluice/http/middleware/refuser.hpp>

namespace sluice::http::middleware {

Middleware shedding(governance::Shedder& shedder, observe::Registry& metrics, observe::Logger& log, Clock& clock) {
  // shared_ptr: one count and one limit on log lines for all routes, and the copies of their handlers.
  auto refuser = std::make_shared<Refuser>("shedding", metrics, log, clock);
  return [refuser, &shedder, &clock](Handler next) -> Handler {
    return [refuser, &shedder, &clock, next = std::move(next)](Context& ctx, Request& request) -> Response {
      Instant began = clock.now();
      if (!shedder.allow(began)) return refuser->shed(request);
      // Landed also if an exception passes by: then it was not carried.
      struct Flight {
        governance::Shedder& shedder;
        Clock& clock;
        Instant began;
        bool is_carried = false;
        ~Flight() {
          Instant now = clock.now();
          is_carried ? shedder.pass(now, now - began) : shedder.fail(now);
        }
      } flight{shedder, clock, began};
      Response response = next(ctx, request);
      flight.is_carried = response.status != status::kServiceUnavailable;
      return response;
    };
  };
}

}  // namespace sluice::http::middleware
