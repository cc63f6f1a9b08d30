// SPDX-License-Identifier: MIT
#include <sluice/http/service_client.hpp>

#include <charconv>
#include <chrono>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include <sluice/http/client.hpp>
#include <sluice/http/internal/idempotent.hpp>
#include <sluice/http/middleware/method_label.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/runtime/go.hpp>

namespace sluice::http {
namespace {

constexpr std::string_view kRefusedHelp = "http client calls and retries that were not made.";
constexpr int kBadGateway = 502;
constexpr int kGatewayTimeout = 504;

// RFC 9110 §10.2.3 in seconds; the form with a date, which few use, is nothing to us.
std::optional<Duration> retry_after_of(const Response& response) {
  auto field = response.headers.find("retry-after");
  std::uint32_t seconds = 0;
  if (!field) return std::nullopt;
  auto [end, error] = std::from_chars(field->data(), field->data() + field->size(), seconds);
  if (error != std::errc() || end != field->data() + field->size()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

// An answer came, and the client could not use it: the next one would be like it.
bool is_unusable(const Result<Response>& outcome) {
  return !outcome && (outcome.error().reason() == "too-large" || outcome.error().reason() == "bad-response");
}

bool may_pass_later(const Result<Response>& outcome) {
  if (!outcome) {
    return governance::may_pass_later(outcome.error().code()) && outcome.error().reason() != "breaker-open" &&
           !is_unusable(outcome);
  }
  int status = outcome->status;
  return status == status::kTooManyRequests || status == kBadGateway || status == status::kServiceUnavailable ||
         status == kGatewayTimeout;
}

bool fits(const Context& ctx, Duration wait, const Clock& clock) {
  auto left = ctx.deadline().left(clock);
  return !left || wait < *left;
}

}  // namespace

ServiceClient::ServiceClient(std::string name, Client& client, Clock& clock, observe::Registry& registry,
                             ServiceClientOptions options)
    : ServiceClient(std::move(name), [&client](Context& ctx, const Request& request) { return client.send(ctx, request); },
                    clock, registry, options) {}

ServiceClient::ServiceClient(std::string name, Send send, Clock& clock, observe::Registry& registry,
                             ServiceClientOptions options)
    : name_(std::move(name)),
      send_(std::move(send)),
      clock_(clock),
      options_(options),
      calls_(options.seed != 0 ? options.seed : std::hash<std::string>()(name_)),
      budget_(options.budget),
      breaker_(clock.now(), calls_.load()),
      durations_(registry.histogram_family("httpc_client_requests_duration_ms", "http client requests duration(ms).",
                                           {"name", "method", "url"},
                                           {.25, .5, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000, 5000, 10000, 15000})),
      answers_(registry.counter_family("httpc_client_requests_code_total", "http client requests code count.",
                                       {"name", "method", "url", "code"})),
      retries_(registry.counter_family("httpc_client_retries_total", "http client retries.", {"name"}).with({name_})),
      refused_by_breaker_(registry.counter_family("httpc_client_refused_total", kRefusedHelp, {"name", "reason"})
                              .with({name_, "breaker-open"})),
      refused_by_budget_(registry.counter_family("httpc_client_refused_total", kRefusedHelp, {"name", "reason"})
                             .with({name_, "retry-budget"})) {}

Result<Response> ServiceClient::send(Context& ctx, const Request& request) {
  budget_.on_call();
  // relaxed: seeds need only differ.
  governance::Backoff backoff(options_.backoff, calls_.fetch_add(1, std::memory_order_relaxed));
  for (int attempts = 1;; ++attempts) {
    Result<Response> outcome = attempt(ctx, request);
    if (!may_pass_later(outcome) || attempts == options_.attempts_max || !may_repeat(request)) return outcome;
    Duration wait = backoff.next(outcome ? retry_after_of(*outcome) : std::nullopt);
    if (ctx.is_cancelled() || !fits(ctx, wait, clock_)) return outcome;
    if (!budget_.try_take(clock_.now())) {
      refused_by_budget_.add();
      return outcome;
    }
    SLUICE_TRY(sleep(ctx, wait));
    retries_.add();
  }
}

Result<Response> ServiceClient::attempt(Context& ctx, const Request& request) {
  const Instant began = clock_.now();
  if (!breaker_.allow(began)) {
    refused_by_breaker_.add();
    return fail(Error(Code::kUnavailable, "the service fails, and is spared").because("breaker-open"));
  }
  Result<Response> outcome = send_(ctx, request);
  const Instant now = clock_.now();
  bool is_our_doing = !outcome && ctx.is_cancelled() && ctx.check().error().code() != Code::kDeadlineExceeded;
  if (!is_our_doing) {
    // Too large is by our own measure; what is no HTTP is a failure of the service.
    bool is_too_large = !outcome && outcome.error().reason() == "too-large";
    bool has_failed = outcome ? status::is_server_error(outcome->status) : !is_too_large;
    has_failed ? breaker_.fail(now) : breaker_.succeed(now);
  }
  std::string_view method = middleware::method_label(request.method());  // which may have come from a sender
  durations_.with({name_, method, ""}).observe(std::chrono::duration<double, std::milli>(now - began).count());
  answers_.with({name_, method, "", outcome ? std::to_string(outcome->status) : "none"}).add();
  return outcome;
}

bool ServiceClient::may_repeat(const Request& request) const {
  return internal::is_idempotent(request.method()) ||
         (options_.trusts_idempotency_keys && request.headers().find("idempotency-key").has_value());
}

}  // namespace sluice::http
