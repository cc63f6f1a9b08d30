// SPDX-License-Identifier: MIT
#include <sluice/service/admin.hpp>

#include <charconv>
#include <optional>

#include <sluice/http/problem.hpp>
#include <sluice/observe/prometheus.hpp>
#include <sluice/runtime/blocking.hpp>
#include <sluice/runtime/dump.hpp>

namespace sluice::service {
namespace {

constexpr std::string_view kIndex =
    "/healthz   is the process alive\n"
    "/readyz    should it get traffic\n"
    "/metrics   for Prometheus\n"
    "/debug/fibers   what each fiber does; ?limit=N different stacks\n";

constexpr std::size_t kStacksMax = 10'000;  // some ten megabytes of text

// Nothing: not a number, or out of bounds.
std::optional<std::size_t> to_limit(std::string_view text) noexcept {
  std::size_t limit = 0;
  auto [end, error] = std::from_chars(text.begin(), text.end(), limit);
  if (error != std::errc{} || end != text.end() || limit == 0 || limit > kStacksMax) return std::nullopt;
  return limit;
}

Result<http::Response> fibers(const http::Request& request) {
  DumpOptions options;
  if (auto text = request.query_value("limit")) {
    auto limit = to_limit(*text);
    if (!limit) return fail(Code::kInvalidArgument, "limit is a number from 1 to 10000");
    options.stacks_max = *limit;
  }
  return http::Response::text(blocking([&] { return dump_fibers(options); }, Expect::kLong));
}

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
  SLUICE_TRY(router.add("GET", "/debug/fibers", [](Context&, const http::Request& request) { return fibers(request); }));
  return {};
}

}  // namespace sluice::service
