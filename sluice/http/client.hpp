// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/http/h1_limits.hpp>
#include <sluice/http/origin.hpp>
#include <sluice/http/request.hpp>
#include <sluice/http/response.hpp>
#include <sluice/net/stream.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::http {

struct ClientOptions {
  /// Connections kept for later; more are closed when they are free.
  std::size_t idle_max = 64;
  /// A connection that has idled longer is closed when the client is next used. Below the idle time of servers, so that they do not close it
  /// under our hands.
  Duration idle_time = std::chrono::seconds(30);
  /// A larger body is an error, not memory.
  std::size_t body_bytes_max = std::size_t{8} * 1024 * 1024;
  H1Limits limits = {};
  /// Who may vouch for an https origin (PEM). Empty: whom the system trusts.
  std::string ca_file = {};
};

/// How a client gets a new connection. Parks.
using Dialer = std::function<Result<std::unique_ptr<net::Stream>>(Context&)>;

/// Asks one server, by HTTP/1.1 over connections that are kept and used again.
///
///   Client client({"127.0.0.1", 8888}, runtime_clock());
///   SLUICE_TRY(auto response, client.send(ctx, Request("GET", "/ping")));
///
/// Adds Host, Content-Length and, if ctx carries a span, traceparent. A status is not an error: look at it.
/// A kept connection that is seen to have ended is replaced before anything is sent. One that ends later, before a byte of
/// the answer came, is replaced once, for methods that are safe to repeat (RFC 9110 §9.2.2); others fail with kUnavailable
/// `connection-lost`, and whoever has made the request repeatable in its own way repeats it.
/// Threads: any number of fibers. Lifetime: nobody is inside send() at the end.
class Client {
 public:
  /// Over TLS if the origin is https: then the chain and the name of its certificate are verified, and one that is not good
  /// makes send() kUnauthenticated `bad-certificate`. Parks, to read whom to trust. kInvalidArgument: options.ca_file is
  /// no such file.
  [[nodiscard]] static Result<std::unique_ptr<Client>> open(Context& ctx, const Origin& origin, Clock& clock,
                                                            ClientOptions options = {});
  /// Without TLS.
  Client(const net::HostPort& server, Clock& clock, ClientOptions options = {});
  /// `authority` is what Host says.
  Client(std::string authority, Dialer dial, Clock& clock, ClientOptions options = {});
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  /// Parks until the whole answer is there; the time limit is ctx's. The request's body is sent as it is, by reference.
  /// kUnavailable: no connection, it broke (`connection-lost`), or what came back is not HTTP (`bad-response`).
  /// kResourceExhausted `too-large`: the answer is larger than the options allow. Or ctx's cause.
  Result<Response> send(Context& ctx, const Request& request);

  /// Closes the kept connections.
  void close_idle();

 private:
  class Pool;
  const std::unique_ptr<Pool> pool_;
};

}  // namespace sluice::http
