// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/http/handler.hpp>

namespace sluice {
class Clock;
}
namespace sluice::observe {
class Registry;
}

namespace sluice::http::middleware {

/// Counts and times requests under go-zero's names, labels and buckets (contracts §8.4):
/// http_server_requests_duration_ms{path,method,code} and http_server_requests_code_total{path,method,code}, where path is
/// the route's pattern and a method that is not HTTP's own is "OTHER". Lifetime: both outlive the chain.
[[nodiscard]] Middleware metrics(observe::Registry& registry, Clock& clock);

}  // namespace sluice::http::middleware
