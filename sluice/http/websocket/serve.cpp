// SPDX-License-Identifier: MIT
#include <sluice/http/websocket/serve.hpp>

#include <memory>
#include <utility>

#include <sluice/http/upgraded.hpp>

namespace sluice::http::websocket {
namespace {

// No middleware stands around it any more.
Result<void> run(const SocketHandler& handler, Socket& socket) {
  try {
    return handler(socket.context(), socket);
  } catch (...) {
    return fail(Code::kInternal, "who converses over the socket threw");
  }
}

Result<void> converse(Context& ctx, const Upgraded& connection, const SocketHandler& handler,
                      const SocketOptions& options, const std::string& protocol) {
  Socket::Parts parts{.stream = connection.stream,
                      .early = connection.early,
                      .protocol = protocol,
                      .parent = &ctx,
                      .stopping = &connection.stopping,
                      .bodies = connection.bodies};
  auto socket = Socket::open(std::move(parts), options);
  if (!socket) return fail(std::move(socket).error().because("no-stack"));
  return (*socket)->finish(ctx, run(handler, **socket));
}

}  // namespace

Handler serve(SocketHandler handler, ServeOptions options) {
  return [handler = std::move(handler), options = std::move(options)](Context&, const Request& request) {
    return accept(request, handler, options);
  };
}

Response accept(const Request& request, SocketHandler handler, const ServeOptions& options) {
  auto protocol = check_request(request, options.admission);
  if (!protocol) return refuse_handshake(std::move(protocol).error());
  Response response = switching_protocols(request, *protocol);
  response.take_over = [handler = std::move(handler), socket = options.socket, protocol = *std::move(protocol)](
                           Context& ctx, const Upgraded& connection) {
    return converse(ctx, connection, handler, socket, protocol);
  };
  return response;
}

}  // namespace sluice::http::websocket
