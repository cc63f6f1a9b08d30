// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

#include <sluice/base/result.hpp>
#include <sluice/http/response.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::http {

/// One request and its reply, as the connection sees them: what a request may ask of the connection it came on.
/// Threads: the fiber that serves the request, over HTTP/1.1 the connection's own. A handler that `timeout` has put on a fiber of its own does not use it.
class Exchange {
 public:
  virtual ~Exchange() = default;

  /// Behind Request::read_body.
  virtual Result<void> read_body(Context& ctx, std::size_t limit, std::string& body) = 0;
  /// The request's body takes so many bytes in memory by now, for who makes another one of it: gunzip. kUnavailable
  /// `overloaded`: the server has no room for them.
  virtual Result<void> hold_body(std::size_t bytes) = 0;
  /// For who waits long for a handler: sends what earlier replies still lie in the buffer. False: the peer has gone, or has
  /// reset this stream, and nobody will hear the reply.
  virtual bool tend(Context& ctx) = 0;
  /// Sends this reply at once, while the handler is still running; over HTTP/1.1 as the last one of the connection. The response that
  /// the chain returns later is then only for logs and metrics.
  virtual void answer_now(Context& ctx, Response& response) = 0;
};

}  // namespace sluice::http
