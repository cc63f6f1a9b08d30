// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/http/client.hpp>
#include <sluice/http/headers.hpp>
#include <sluice/http/websocket/socket.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::http::websocket {

struct ConnectOptions {
  SocketOptions socket = {};
  std::vector<std::string> protocols = {};  ///< subprotocols to offer, the best one first
  Headers headers = {};                     ///< of the opening request, beside its own: a token, an Origin
  Dialer dial = nullptr;                    ///< null: TCP to the URL's host; over TLS, net::tls_connect behind it
  Entropy entropy = nullptr;                ///< null: the system's
};

/// Connects to "ws://host:port/path?query" (port 80 if there is none) and shakes hands; the time limit for both is ctx's,
/// and nothing of the socket hangs on ctx later.
///
///   SLUICE_TRY(auto socket, websocket::connect(ctx, "ws://127.0.0.1:8888/live"));
///   SLUICE_TRY(socket->send_text(ctx, "hello"));
///
/// kInvalidArgument `bad-url` or as net::parse_host_port, naming "url". kUnavailable: no connection; it ended or was not
/// HTTP (`bad-handshake`); the server said something else than 101 (`handshake-refused`). Or ctx's cause.
[[nodiscard]] Result<std::unique_ptr<Socket>> connect(Context& ctx, std::string_view url, ConnectOptions options = {});

}  // namespace sluice::http::websocket
