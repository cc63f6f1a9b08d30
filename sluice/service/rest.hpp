// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/governance/rate_limit.hpp>
#include <sluice/http/handler.hpp>
#include <sluice/http/jwt.hpp>
#include <sluice/http/middleware/cors.hpp>
#include <sluice/http/middleware/default_chain.hpp>
#include <sluice/http/server.hpp>
#include <sluice/net/address.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::service {

/// How a REST service listens and what it allows; defaults are go-zero's.
struct RestConfig {
  std::string name = "rest";
  std::string host = "0.0.0.0";
  std::uint16_t port = 8888;              ///< 0: a free one; address() tells
  /// PEM: its certificate and those that vouch for it, and its key. Either one: it speaks TLS only, and takes new files as
  /// they come (certificate_watch.hpp).
  std::string cert_file = {};
  std::string key_file = {};
  Duration timeout = std::chrono::seconds(3);
  std::size_t max_bytes = std::size_t{1} << 20;  ///< of a request's body
  std::size_t max_connections = 20'000;   ///< open at a time
  std::size_t max_requests = 10'000;      ///< of a route under way at a time (go-zero's MaxConns); 0: no limit
  std::size_t max_body_memory = http::kBodyMemoryDefault;  ///< of all requests at a time; beyond it they are told 503
  int cpu_threshold = 900;                ///< of 1000: busier than that it sheds (go-zero's CpuThreshold); 0: it never does
  http::middleware::Switches middlewares = {};
  std::optional<http::middleware::CorsOptions> cors = std::nullopt;  ///< nothing: no page of another origin reads our answers
  std::optional<http::middleware::CompressOptions> compress = std::nullopt;  ///< nothing: replies leave as they are
  Duration drain_time = std::chrono::seconds(5);  ///< for requests under way when the service stops
};

/// Where a route differs from the service's configuration.
struct RouteOptions {
  std::optional<Duration> timeout = std::nullopt;
  std::optional<std::size_t> max_bytes = std::nullopt;
  std::optional<governance::RateLimit> rate_limit = std::nullopt;
  /// Only requests with a token that one of these has signed are served; its claims: http::kClaimsKey.
  std::optional<http::JwtSecrets> jwt = std::nullopt;
};

/// A REST service: routes, each behind the default chain of middlewares, on one port.
///
///   Rest rest({.name = "hello", .port = 8080});
///   rest.get("/ping", [](Context&, const http::Request&) { return Ping{"pong"}; });
///   return rest.run(ctx, stop);
///
/// A route that cannot be (a duplicate, a bad pattern) is an error of listen(), so that routes read as a list.
/// Lifetime: outlives its requests. Threads: one fiber builds and runs it.
class Rest {
 public:
  /// Makes its own log, metrics and trace ids, on standard output and for itself.
  explicit Rest(RestConfig config);
  /// For a program of several parts. `parts` outlives it.
  Rest(RestConfig config, http::middleware::ChainParts parts);
  Rest(const Rest&) = delete;
  Rest& operator=(const Rest&) = delete;
  ~Rest();

  /// Wraps the handlers of all routes added after it, inside the default chain; the first one is the outermost.
  void use(http::Middleware middleware);

  void get(std::string_view pattern, http::Handler handler, RouteOptions options = {});
  void post(std::string_view pattern, http::Handler handler, RouteOptions options = {});
  void put(std::string_view pattern, http::Handler handler, RouteOptions options = {});
  void patch(std::string_view pattern, http::Handler handler, RouteOptions options = {});
  void remove(std::string_view pattern, http::Handler handler, RouteOptions options = {});
  void route(std::string_view method, std::string_view pattern, http::Handler handler, RouteOptions options = {});

  /// Takes the port. kUnavailable: somebody else has it. kInvalidArgument at CertFile or KeyFile: see
  /// net::TlsServerContext::load. The first wrong route, if there is one.
  Result<void> listen(Context& ctx);
  /// With the real port. Requires: listen() was ok.
  [[nodiscard]] net::Address address() const;
  /// Serves until ctx ends, then lets the requests under way finish. Requires: listen() was ok.
  Result<void> serve(Context& ctx);

  /// listen() and serve() as a whole program, with its log on standard output: until `stop` ends.
  /// Requires: made without parts.
  Result<void> run(Context& ctx, Context& stop);

 private:
  class Parts;
  class Work;
  std::unique_ptr<Parts> own_parts_;  // null if they were given
  std::unique_ptr<Work> work_;
};

}  // namespace sluice::service
