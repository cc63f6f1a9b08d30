// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/refuser.hpp>

#include <sluice/http/internal/refused_total.hpp>
#include <sluice/http/middleware/method_label.hpp>
#include <sluice/observe/log.hpp>

namespace sluice::http::middleware {

Refuser::Refuser(std::string_view reason, observe::Registry& metrics, observe::Logger& log, Clock& clock)
    : reason_(reason), refused_(internal::refused_total(metrics).with({reason})), log_(log), clock_(clock) {}

Response Refuser::refuse(const Request& request, Duration retry_after, int status) {
  refused_.add();
  if (auto held_back = lines_.pass(clock_.now()))
    log_.error("[http] dropped", {{"callee", callee_name(request)}, {"held_back", *held_back}, {"reason", reason_}});
  return to_response(Problem{.status = status, .code = std::string(reason_), .retry_after = retry_after});
}

Response Refuser::shed(const Request& request) {
  Response response = refuse(request);
  response.is_shed = true;
  return response;
}

std::string callee_name(const Request& request) {
  return std::string(method_label(request.method())) + "://" + std::string(request.pattern());
}

}  // namespace sluice::http::middleware
