// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/http/request.hpp>
#include <sluice/http/response.hpp>

namespace sluice::http::websocket {

/// What a server lets in.
struct Admission {
  /// The subprotocols that it speaks, the best one first. It takes the first that the client offers; none if there is none.
  std::vector<std::string> protocols = {};
  /// The pages whose scripts may connect, as browsers name them in Origin: "https://app.example"; "*": all. Empty: pages of
  /// the host that is asked, as Host says. Else any page that a user visits could speak with the user's cookies (RFC 6455
  /// §10.2). Who sends no Origin is no browser and may always.
  std::vector<std::string> origins = {};
};

/// The server's side of the opening handshake: the subprotocol, empty if none was agreed on.
/// kFailedPrecondition `upgrade-required`: it does not ask for version 13 of WebSocket over HTTP/1.1. kPermissionDenied
/// `foreign-origin`. kInvalidArgument, naming the field: `bad-websocket-key`, `unexpected-body`.
/// Source: RFC 6455 §4.2.1.
[[nodiscard]] Result<std::string> check_request(const Request& request, const Admission& admission);

/// 101 for a request that check_request has let in.
[[nodiscard]] Response switching_protocols(const Request& request, std::string_view protocol);
/// What refuses a request with this error; a 426 says what to ask for (RFC 6455 §4.4).
[[nodiscard]] Response refuse_handshake(Error why);

/// What a client asks with; `key` comes from new_key().
[[nodiscard]] Request opening_request(std::string_view target, std::string_view key,
                                      std::span<const std::string> protocols, const Headers& more);
/// Whether the server has agreed, and on which of `protocols`; empty if on none. kUnavailable `handshake-refused` for another
/// status than 101, `bad-handshake` for a 101 that breaks RFC 6455 §4.1.
[[nodiscard]] Result<std::string> check_response(const Response& response, std::string_view key,
                                                 std::span<const std::string> protocols);

/// Sec-WebSocket-Key: `random` in Base64.
[[nodiscard]] std::string new_key(std::span<const std::byte, 16> random);
/// Sec-WebSocket-Accept for a key.
[[nodiscard]] std::string accept_key(std::string_view key);

}  // namespace sluice::http::websocket
