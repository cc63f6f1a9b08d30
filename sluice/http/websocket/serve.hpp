// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include <sluice/base/result.hpp>
#include <sluice/http/handler.hpp>
#include <sluice/http/websocket/handshake.hpp>
#include <sluice/http/websocket/socket.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::http::websocket {

struct ServeOptions {
  SocketOptions socket = {};
  Admission admission = {};
};

/// Has the conversation; its context is the socket's. When it returns, the peer is told 1000, or 1011 for an error.
/// It runs after the middlewares have returned, on the connection's fiber, for as long as it likes.
using SocketHandler = std::function<Result<void>(Context&, Socket&)>;

/// A handler that answers 101 and then has the conversation, or refuses the handshake (handshake.hpp):
///
///   rest.get("/live", websocket::serve([](Context& ctx, websocket::Socket& socket) -> Result<void> {
///     for (;;) {
///       SLUICE_TRY(auto message, socket.receive(ctx));
///       if (!message) return {};
///       SLUICE_TRY(socket.send_text(ctx, message->data));
///     }
///   }));
///
/// When the server stops, the peer is told 1001 at once; the conversation's context ends after the server's drain time, or
/// before, as socket.hpp says of a peer that does not answer.
/// Threads: `handler` is called by many fibers at once, as a const function. What it refers to outlives the server.
[[nodiscard]] Handler serve(SocketHandler handler, ServeOptions options = {});

/// The same for a handler that has looked at the request first: a token, a variable of its path.
///
///   rest.get("/rooms/:id", [](Context&, const http::Request& request) {
///     std::string id(request.variable("id"));
///     return websocket::accept(request, [id](Context& ctx, websocket::Socket& socket) { … });
///   });
[[nodiscard]] Response accept(const Request& request, SocketHandler handler, const ServeOptions& options = {});

}  // namespace sluice::http::websocket
