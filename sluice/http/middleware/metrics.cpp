// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/metrics.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <string_view>
#include <utility>

#include <sluice/base/clock.hpp>
#include <sluice/http/middleware/method_label.hpp>
#include <sluice/observe/registry.hpp>

namespace sluice::http::middleware {

Middleware metrics(observe::Registry& registry, Clock& clock) {
  auto& durations = registry.histogram_family("http_server_requests_duration_ms",
                                              "http server requests duration(ms).", {"path", "method", "code"},
                                              {5, 10, 25, 50, 100, 250, 500, 750, 1000});
  auto& codes = registry.counter_family("http_server_requests_code_total", "http server requests error count.",
                                        {"path", "method", "code"});
  return [&durations, &codes, &clock](Handler next) -> Handler {
    return [&durations, &codes, &clock, next = std::move(next)](Context& ctx, Request& request) {
      Instant begun = request.begun(clock);
      Response response = next(ctx, request);
      auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(response.made_at(clock) - begun);

      std::array<char, 8> digits;
      auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), response.status);
      std::string_view code(digits.data(), end);
      std::string_view method = method_label(request.method());
      durations.with({request.pattern(), method, code}).observe(static_cast<double>(elapsed.count()));
      codes.with({request.pattern(), method, code}).add();
      return response;
    };
  };
}

}  // namespace sluice::http::middleware
