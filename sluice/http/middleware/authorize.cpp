// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/authorize.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <sluice/http/internal/refused_total.hpp>
#include <sluice/http/middleware/refuser.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/log_limit.hpp>

namespace sluice::http::middleware {
namespace {

constexpr std::string_view kScheme = "bearer ";

std::string_view token_in(std::string_view field) noexcept {
  bool has_scheme = equal_ignoring_case(field.substr(0, kScheme.size()), kScheme);
  return has_scheme ? field.substr(kScheme.size()) : field;
}

class Gatekeeper {
 public:
  Gatekeeper(JwtVerifier verifier, observe::Registry& metrics, observe::Logger& log, Clock& clock)
      : verifier_(std::move(verifier)), refused_(internal::refused_total(metrics)), log_(log), clock_(clock) {}

  Response serve(Context& ctx, Request& request, const Handler& next) {
    auto claims = claims_of(request);
    if (!claims) return refuse(request, claims.error());
    ctx.set(kClaimsKey, *std::move(claims));
    return next(ctx, request);
  }

 private:
  Result<schema::Json> claims_of(const Request& request) const {
    auto field = request.headers().find("authorization");
    if (!field) return fail(Error(Code::kUnauthenticated).because("token-missing"));
    if (request.headers().count("authorization") > 1) return fail(Error(Code::kUnauthenticated).because("token-malformed"));
    return verifier_.verify(token_in(*field), clock_.wall_now());
  }

  Response refuse(const Request& request, const Error& why) {
    refused_.with({why.reason()}).add();
    if (auto held_back = lines_.pass(clock_.now()))
      log_.info("authorize failed", {{"callee", callee_name(request)}, {"held_back", *held_back}, {"reason", why.reason()}});
    Response response = to_response(Problem{.status = status::kUnauthorized, .code = "unauthenticated"});
    response.headers.add("WWW-Authenticate", why.reason() == "token-missing" ? "Bearer" : "Bearer error=\"invalid_token\"");
    return response;
  }

  const JwtVerifier verifier_;
  observe::CounterFamily& refused_;
  observe::Logger& log_;
  Clock& clock_;
  observe::LogLimit lines_{std::chrono::seconds(1)};
};

}  // namespace

Middleware authorize(JwtVerifier verifier, observe::Registry& metrics, observe::Logger& log, Clock& clock) {
  // shared_ptr: one limit on log lines for all routes, and the copies of their handlers.
  auto keeper = std::make_shared<Gatekeeper>(std::move(verifier), metrics, log, clock);
  return [keeper](Handler next) -> Handler {
    return [keeper, next = std::move(next)](Context& ctx, Request& request) { return keeper->serve(ctx, request, next); };
  };
}

}  // namespace sluice::http::middleware
