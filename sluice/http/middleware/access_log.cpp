// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/access_log.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <sluice/base/clock.hpp>
#include <sluice/http/middleware/method_label.hpp>
#include <sluice/http/span_key.hpp>
#include <sluice/observe/log.hpp>

namespace sluice::http::middleware {
namespace {

// go-zero's threshold (contracts §8.3).
constexpr Duration kSlowRequest = std::chrono::milliseconds(500);

// "[HTTP] 200 - GET /users/:id", without going to the allocator for patterns of usual length.
class Summary {
 public:
  Summary(const Request& request, const Response& response) {
    add("[HTTP] ");
    char* digits = text_.data() + size_;
    size_ += static_cast<std::size_t>(std::to_chars(digits, digits + kNumberBytes, response.status).ptr - digits);
    add(" - ");
    add(method_label(request.method()));
    add(" ");
    add(request.pattern().empty() ? "-" : request.pattern());
  }
  [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), size_}; }

 private:
  static constexpr std::size_t kNumberBytes = 12;
  // The log cuts contents as well; no pattern that a person has written is as long.
  void add(std::string_view piece) noexcept { size_ += piece.copy(text_.data() + size_, text_.size() - size_); }

  std::array<char, 512> text_;
  std::size_t size_ = 0;
};

void write_line(observe::Logger& log, Context& ctx, const Request& request, const Response& response,
                Duration duration) {
  const Summary summary(request, response);
  std::string with_cause;
  std::string_view content = summary.text();
  bool is_error = status::is_server_error(response.status);
  if (is_error && response.cause) {
    with_cause.append(content).append("\n").append(response.cause->describe());
    content = with_cause;
  }
  const observe::SpanContext* span = ctx.get(kSpanKey);
  observe::SpanContext place = span != nullptr ? *span : observe::SpanContext();
  observe::Logger::Fields fields = {{"duration", duration},
                                    {"request_bytes", request.body().size()},
                                    {"response_bytes", response.body.size()},
                                    {"span", place.span},
                                    {"trace", place.trace}};
  log.record(is_error ? observe::Level::kError : observe::Level::kInfo, content, fields);
  if (duration >= kSlowRequest) log.slow(std::string(content) + " - slowcall", fields);
}

}  // namespace

Middleware access_log(observe::Logger& log, Clock& clock) {
  return [&log, &clock](Handler next) -> Handler {
    return [&log, &clock, next = std::move(next)](Context& ctx, Request& request) {
      Instant begun = request.begun(clock);
      Response response = next(ctx, request);
      write_line(log, ctx, request, response, response.made_at(clock) - begun);
      return response;
    };
  };
}

}  // namespace sluice::http::middleware
