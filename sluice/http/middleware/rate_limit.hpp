// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>

#include <sluice/governance/rate_limit.hpp>
#include <sluice/http/handler.hpp>

namespace sluice {
class Clock;
}
namespace sluice::governance {
class KeyedBuckets;
}
namespace sluice::observe {
class Logger;
class Registry;
}

namespace sluice::http::middleware {

/// Lets through what the limit allows, of all clients together; the rest is 429 `rate-limited` with Retry-After. Every
/// reply carries RateLimit-Limit (the burst), RateLimit-Remaining and RateLimit-Reset (seconds until all of it is back).
/// Refusals are counted in http_server_refused_total{reason="rate-limited"}, and logged once a second at most.
/// Requires: limit.check() is ok. Lifetime: metrics, log and clock outlive the chain.
[[nodiscard]] Middleware rate_limit(const governance::RateLimit& limit, observe::Registry& metrics, observe::Logger& log,
                                    Clock& clock);

/// The same for each key by itself: a client, a study. Lifetime: `buckets` outlives the chain too.
using KeyOf = std::function<std::string(Context&, const Request&)>;
[[nodiscard]] Middleware rate_limit(governance::KeyedBuckets& buckets, KeyOf key_of, observe::Registry& metrics,
                                    observe::Logger& log, Clock& clock);

}  // namespace sluice::http::middleware
