// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include <sluice/base/clock.hpp>
#include <sluice/governance/rate_limit.hpp>
#include <sluice/http/handler.hpp>
#include <sluice/http/jwt.hpp>
#include <sluice/http/middleware/compress.hpp>
#include <sluice/http/middleware/switches.hpp>

namespace sluice::governance {
class QueueDelay;
class Shedder;
}
namespace sluice::observe {
class IdSource;
class Logger;
class Registry;
}  // namespace sluice::observe

namespace sluice::http::middleware {

/// What the chain stands on; outlives it.
struct ChainParts {
  Clock& clock;
  observe::Logger& log;
  observe::Registry& metrics;
  observe::IdSource& ids;
};

/// What may differ from route to route. Defaults are go-zero's.
struct ChainOptions {
  Duration timeout = std::chrono::seconds(3);  ///< zero: none
  std::size_t body_bytes_max = std::size_t{1} << 20;
  std::size_t requests_max = 10'000;  ///< of a route under way at a time; 0: no limit
  std::optional<governance::RateLimit> rate_limit = std::nullopt;  ///< nothing: none
  std::optional<JwtVerifier> jwt = std::nullopt;                   ///< nothing: whoever asks is served
  std::optional<CompressOptions> compress = std::nullopt;          ///< nothing: replies leave as they are, as in go-zero
  // Of the whole server, outlive the chain; null: none.
  governance::QueueDelay* queue_delay = nullptr;
  governance::Shedder* shedder = nullptr;
  Switches middlewares = {};
};

/// What stands between the router and a handler, outermost first. The only place where the order is decided.
[[nodiscard]] Chain default_chain(const ChainParts& parts, const ChainOptions& options = {});

/// What stands around the router's own refusals, 404 and 405.
[[nodiscard]] Chain refusal_chain(const ChainParts& parts, const Switches& on = {});

}  // namespace sluice::http::middleware
