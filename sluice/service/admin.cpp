// SPDX-License-Identifier: MIT
#include <sluice/service/admin.hpp>

#include <sluice/observe/prometheus.hpp>

namespace sluice::service {
namespace {

constexpr std::string_view kIndex =
    "/healthz   is the process alive\n"
    "/readyz    should it get traffic\n"
    "/metrics   for Prometheus\n";

// Names and codes only: a detail may say more than a probe should know.
http::Response readiness(const std::vector<ReadinessCheck>& checks) {
  std::string text;
  bool is_ready = true;
  for (const ReadinessCheck& item : checks) {
    auto result = item.check();
    text.append(item.name).append(": ").append(result ? "ok" : to_string(result.error().code())).append("\n");
    is_ready = is_ready && result.has_value();
  }
  return http::Response::text(std::move(text), is_ready ? http::status::kOk : http::status::kServiceUnavailable);
}

}  // namespace

Result<void> add_admin_routes(http::Router& router, const observe::Registry& registry,
                              std::vector<ReadinessCheck> checks) {
  SLUICE_TRY(router.add("GET", "/", [](Context&, const http::Request&) {
    return http::Response::text(std::string(kIndex));
  }));
  SLUICE_TRY(router.add("GET", "/healthz", [](Context&, const http::Request&) { return http::Response::text("OK"); }));
  SLUICE_TRY(router.add("GET", "/readyz", [checks = std::move(checks)](Context&, const http::Request&) {
    return readiness(checks);
  }));
  SLUICE_TRY(router.add("GET", "/metrics", [&registry](Context&, const http::Request&) {
    return http::Response::with_type(observe::kPrometheusContentType, observe::prometheus_text(registry));
  }));
  return {};
}

}  // namespace sluice::service
