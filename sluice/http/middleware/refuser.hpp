// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <sluice/base/clock.hpp>
#include <sluice/http/handler.hpp>
#include <sluice/observe/log_limit.hpp>
#include <sluice/observe/metric.hpp>

namespace sluice::observe {
class Logger;
class Registry;
}

namespace sluice::http::middleware {

/// How a middleware says no: to the client by 503, or another status, with Retry-After; in http_server_refused_total{reason};
/// and in the log once a second at most, by the route's pattern and never its path.
/// Threads: any. Lifetime: metrics, log and clock outlive it.
class Refuser {
 public:
  /// `reason`: of the metric and, as the problem's code, for the client. Lives for ever.
  Refuser(std::string_view reason, observe::Registry& metrics, observe::Logger& log, Clock& clock);

  [[nodiscard]] Response refuse(const Request& request, Duration retry_after = std::chrono::seconds(1),
                                int status = status::kServiceUnavailable);
  /// The same for lack of time (Response::is_shed).
  [[nodiscard]] Response shed(const Request& request);

 private:
  const std::string_view reason_;
  observe::Counter& refused_;
  observe::Logger& log_;
  Clock& clock_;
  observe::LogLimit lines_{std::chrono::seconds(1)};
};

/// "GET:///patients/:id", as go-zero names a route's breaker.
[[nodiscard]] std::string callee_name(const Request& request);

}  // namespace sluice::http::middleware
