// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/http/router.hpp>

namespace sluice::observe {
class Registry;
}

namespace sluice::service {

/// Something without which the service should get no traffic. `check` answers from memory, without parking.
struct ReadinessCheck {
  std::string name;
  std::function<Result<void>()> check;
};

/// What the people who run a service look at, on a port of its own that patients' phones cannot reach:
///   GET /healthz   200 "OK" while the process answers at all (go-zero's DevServer)
///   GET /readyz    200, or 503 with the names of the checks that fail: take it out of the load balancer
///   GET /metrics   Prometheus' text format
///   GET /debug/fibers   what each fiber does, since when, and its stack (runtime/dump.hpp); ?limit=N different stacks
///   GET /          a list of these
/// Lifetime: registry and what the checks use outlive the router.
[[nodiscard]] Result<void> add_admin_routes(http::Router& router, const observe::Registry& registry,
                                            std::vector<ReadinessCheck> checks);

}  // namespace sluice::service
