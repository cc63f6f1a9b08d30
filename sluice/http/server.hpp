// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/http/h1_connection.hpp>
#include <sluice/http/h2_connection.hpp>
#include <sluice/http/handler.hpp>
#include <sluice/net/stream.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::observe {
class Logger;
class Registry;
}  // namespace sluice::observe

namespace sluice::net {
class TlsServerContext;
}

namespace sluice::http {

/// Far more than honest clients have on their way at a time (500 uploads of 500 KB), and what a machine of 1 GiB can spare.
inline constexpr std::size_t kBodyMemoryDefault = std::size_t{256} << 20;

struct ServerOptions {
  /// More are told 503 and closed. One that idles costs some 600 bytes and the kernel's socket, with TLS
  /// 15 KB; one with a request under way a fiber and some 20 KiB more, one in its TLS handshake a fiber and 55 KB in all.
  std::size_t connections_max = 20'000;
  /// The bodies of all requests that are in memory at a time, counted as they come. A request whose body goes beyond it is
  /// told 503 `overloaded` and its connection closes. The first 4 KiB of each are free (see body_budget.hpp), so small
  /// requests are served on while large ones hold it all.
  std::size_t body_memory_max = kBodyMemoryDefault;
  /// How long requests under way may go on after the server was told to stop.
  Duration drain_time = std::chrono::seconds(5);
  H1Options h1 = {};
  H2Options h2 = {};
};

/// What a server stands on; outlives it.
struct ServerParts {
  Clock& clock;  ///< the one that the runtime's timers follow
  observe::Registry& metrics;
  observe::Logger& log;
  /// What it proves itself with. Null: it speaks without TLS.
  const net::TlsServerContext* tls = nullptr;
};

/// What a server speaks over TLS, best first: for net::TlsServerOptions::alpn.
[[nodiscard]] std::vector<std::string> tls_protocols();

/// Serves HTTP/1.1 and HTTP/2 on a listener: a client that begins with HTTP/2's preface is spoken to in HTTP/2.
///
///   SLUICE_TRY(auto listener, net::listen(address));
///   Server server(std::move(listener), {}, std::ref(router), {runtime_clock(), registry, log});
///   SLUICE_TRY(server.serve(ctx));        // until ctx ends
///
/// When ctx ends it accepts nobody more, closes the connections that idle, lets the requests under way finish within
/// drain_time, cancels those that have not, and returns when all have ended.
/// With TLS each newcomer has h1.head_time for its handshake, on a fiber of its own, and counts as a connection meanwhile.
/// One that fails is counted by its reason, as what is refused: `handshake`, `bad-certificate`, `slow-handshake`, `truncated`.
/// Metrics: http_server_connections (open now), http_server_connections_total, http_server_refused_total{reason}, where
/// `body-budget` is a body beyond body_memory_max.
/// Lifetime: outlives serve(). Threads: serve() by one fiber, once.
class Server {
 public:
  Server(std::unique_ptr<net::Listener> listener, ServerOptions options, Handler handler, ServerParts parts);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// Ok if it stopped because ctx ended, however that was; an error if the listener failed.
  Result<void> serve(Context& ctx);
  /// Where it listens, with the real port. Also before serve().
  [[nodiscard]] net::Address address() const noexcept;

 private:
  class Work;
  const std::unique_ptr<Work> work_;
};

}  // namespace sluice::http
