// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/breaker.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include <sluice/base/clock.hpp>
#include <sluice/governance/breaker.hpp>
#include <sluice/http/middleware/refuser.hpp>
#include <sluice/observe/log.hpp>

namespace sluice::http::middleware {
namespace {

constexpr Duration kAlertInterval = std::chrono::minutes(5);  // go-zero's (contracts §5.1)

class Guard {
 public:
  Guard(observe::Registry& metrics, observe::Logger& log, Clock& clock)
      : refuser_("breaker-open", metrics, log, clock),
        log_(log),
        clock_(clock),
        breaker_(clock.now(), static_cast<std::uint64_t>(clock.now().time_since_epoch().count())) {}

  Response serve(Context& ctx, Request& request, const Handler& next) {
    Instant now = request.begun(clock_);
    return breaker_.allow(now) ? ask(ctx, request, next) : refuse(request, now);
  }

 private:
  Response ask(Context& ctx, Request& request, const Handler& next) {
    Response response = next(ctx, request);
    if (response.is_shed) return response;
    Instant made = response.made_at(clock_);
    if (status::is_server_error(response.status)) {
      breaker_.fail(made);
    } else {
      breaker_.succeed(made);
    }
    return response;
  }
  Response refuse(const Request& request, Instant now) {
    if (alerts_.pass(now))
      log_.alert("breaker is open and requests dropped", {{"callee", callee_name(request)}});
    return refuser_.refuse(request, governance::Breaker::kForcedPass);
  }

  Refuser refuser_;
  observe::Logger& log_;
  Clock& clock_;
  governance::Breaker breaker_;
  observe::LogLimit alerts_{kAlertInterval};
};

}  // namespace

Middleware breaker(observe::Registry& metrics, observe::Logger& log, Clock& clock) {
  return [&metrics, &log, &clock](Handler next) -> Handler {
    // shared_ptr: the copies of a handler have one breaker.
    return [guard = std::make_shared<Guard>(metrics, log, clock), next = std::move(next)](
               Context& ctx, Request& request) { return guard->serve(ctx, request, next); };
  };
}

}  // namespace sluice::http::middleware
