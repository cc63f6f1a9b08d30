// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/access_log.hpp>

#include <chrono>
#include <string>
#include <utility>

#include <sluice/base/clock.hpp>
#include <sluice/http/middleware/method_label.hpp>
#include <sluice/http/span_key.hpp>
#include <sluice/observe/log.hpp>

namespace sluice::http::middleware {
namespace {

// go-zero's threshold (contracts §8.3).
constexpr std::size_t kSummaryBytes = 32;  // all but the pattern
constexpr Duration kSlowRequest = std::chrono::milliseconds(500);

std::string summary(const Request& request, const Response& response) {
  std::string_view pattern = request.pattern().empty() ? "-" : request.pattern();
  std::string text;
  text.reserve(kSummaryBytes + pattern.size());
  text.append("[HTTP] ").append(std::to_string(response.status)).append(" - ");
  return text.append(method_label(request.method())).append(" ").append(pattern);
}

void write_line(observe::Logger& log, Context& ctx, const Request& request, const Response& response,
                Duration duration) {
  std::string content = summary(request, response);
  bool is_error = status::is_server_error(response.status);
  if (is_error && response.cause) content.append("\n").append(response.cause->describe());
  const observe::SpanContext* span = ctx.get(kSpanKey);
  observe::SpanContext place = span != nullptr ? *span : observe::SpanContext();
  observe::Logger::Fields fields = {{"duration", duration},
                                    {"request_bytes", request.body().size()},
                                    {"response_bytes", response.body.size()},
                                    {"span", place.span},
                                    {"trace", place.trace}};
  log.record(is_error ? observe::Level::kError : observe::Level::kInfo, content, fields);
  if (duration >= kSlowRequest) log.slow(content + " - slowcall", fields);
}

}  // namespace

Middleware access_log(observe::Logger& log, Clock& clock) {
  return [&log, &clock](Handler next) -> Handler {
    return [&log, &clock, next = std::move(next)](Context& ctx, Request& request) {
      Instant began = clock.now();
      Response response = next(ctx, request);
      write_line(log, ctx, request, response, clock.now() - began);
      return response;
    };
  };
}

}  // namespace sluice::http::middleware
