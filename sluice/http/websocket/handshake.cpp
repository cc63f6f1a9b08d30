// SPDX-License-Identifier: MIT
#include <sluice/http/websocket/handshake.hpp>

#include <algorithm>
#include <utility>

#include <sluice/base/bytes.hpp>
#include <sluice/base/digest.hpp>
#include <sluice/http/internal/h1_lines.hpp>
#include <sluice/http/problem.hpp>

namespace sluice::http::websocket {
namespace {

constexpr std::string_view kVersion = "13";
constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 §1.3

// 16 bytes in Base64: 22 digits and the padding.
bool is_key(std::string_view text) noexcept {
  constexpr std::size_t kDigits = 22;
  auto is_digit = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  };
  return text.size() == kDigits + 2 && text.ends_with("==") && std::all_of(text.begin(), text.begin() + kDigits, is_digit);
}

bool asks_for_websocket(const Request& request) noexcept {
  const Headers& headers = request.headers();
  return request.method() == "GET" && request.version() == Version::kHttp11 && headers.has_token("upgrade", "websocket") &&
         headers.has_token("connection", "upgrade") && headers.count("sec-websocket-version") == 1 &&
         headers.find("sec-websocket-version") == kVersion;
}

bool has_body(const Headers& headers) noexcept {
  return headers.find("transfer-encoding") || headers.find("content-length").value_or("0") != "0";
}

// "https://app.example:8443" for a Host of "app.example:8443".
bool is_same_host(std::string_view origin, const Headers& headers) noexcept {
  std::size_t scheme = origin.find("://");
  auto host = headers.find("host");
  return scheme != origin.npos && host && equal_ignoring_case(origin.substr(scheme + 3), *host);
}

bool may_connect(const Headers& headers, std::span<const std::string> origins) noexcept {
  auto origin = headers.find("origin");
  if (!origin) return true;
  if (origins.empty()) return is_same_host(*origin, headers);
  return std::any_of(origins.begin(), origins.end(), [&](const std::string& allowed) {
    return allowed == "*" || equal_ignoring_case(allowed, *origin);
  });
}

// Names of subprotocols are compared as they are, unlike other tokens.
bool offers(const Headers& headers, std::string_view protocol) noexcept {
  for (std::size_t i = 0; i < headers.size(); ++i) {
    auto [name, list] = headers[i];
    if (!equal_ignoring_case(name, "sec-websocket-protocol")) continue;
    for (std::string_view item; next_list_item(list, item);) {
      if (item == protocol) return true;
    }
  }
  return false;
}

std::string join(std::span<const std::string> items) {
  std::string list;
  for (const std::string& item : items) list.append(list.empty() ? "" : ", ").append(item);
  return list;
}

Error bad_handshake(std::string_view field) {
  return Error(Code::kUnavailable, "the answer to the handshake").because("bad-handshake").at(std::string(field));
}

}  // namespace

Result<std::string> check_request(const Request& request, const Admission& admission) {
  const Headers& headers = request.headers();
  if (!asks_for_websocket(request)) {
    return fail(Error(Code::kFailedPrecondition, "wanted version 13 of WebSocket").because("upgrade-required"));
  }
  if (headers.count("sec-websocket-key") != 1 || !is_key(*headers.find("sec-websocket-key"))) {
    return internal::malformed("bad-websocket-key", "sec-websocket-key");
  }
  if (has_body(headers)) return internal::malformed("unexpected-body", "content-length");
  if (!may_connect(headers, admission.origins)) {
    return fail(Error(Code::kPermissionDenied).because("foreign-origin").at("origin"));
  }
  for (const std::string& protocol : admission.protocols) {
    if (offers(headers, protocol)) return protocol;
  }
  return std::string();
}

Response switching_protocols(const Request& request, std::string_view protocol) {
  Response response = Response::empty(status::kSwitchingProtocols);
  response.headers.add("Upgrade", "websocket");
  response.headers.add("Sec-WebSocket-Accept", accept_key(request.headers().find("sec-websocket-key").value_or("")));
  if (!protocol.empty()) response.headers.add("Sec-WebSocket-Protocol", protocol);
  return response;
}

Response refuse_handshake(Error why) {
  Response response = to_response(std::move(why));
  if (response.status == status::kUpgradeRequired) {
    response.headers.add("Upgrade", "websocket");
    response.headers.add("Sec-WebSocket-Version", kVersion);
  }
  return response;
}

Request opening_request(std::string_view target, std::string_view key, std::span<const std::string> protocols,
                        const Headers& more) {
  Request request("GET", target);
  request.headers() = more;
  request.headers().set("Upgrade", "websocket");
  request.headers().set("Sec-WebSocket-Key", key);
  request.headers().set("Sec-WebSocket-Version", kVersion);
  if (!protocols.empty()) request.headers().set("Sec-WebSocket-Protocol", join(protocols));
  return request;
}

Result<std::string> check_response(const Response& response, std::string_view key,
                                   std::span<const std::string> protocols) {
  const Headers& headers = response.headers;
  if (response.status != status::kSwitchingProtocols) {
    return fail(Error(Code::kUnavailable, "answered with status " + std::to_string(response.status))
                    .because("handshake-refused"));
  }
  if (!headers.has_token("upgrade", "websocket")) return fail(bad_handshake("upgrade"));
  if (!headers.has_token("connection", "upgrade")) return fail(bad_handshake("connection"));
  if (headers.count("sec-websocket-accept") != 1 || headers.find("sec-websocket-accept") != accept_key(key)) {
    return fail(bad_handshake("sec-websocket-accept"));
  }
  if (headers.find("sec-websocket-extensions")) return fail(bad_handshake("sec-websocket-extensions"));  // we offer none
  auto protocol = headers.find("sec-websocket-protocol");
  if (!protocol) return std::string();
  bool was_offered = std::find(protocols.begin(), protocols.end(), *protocol) != protocols.end();
  if (!was_offered || headers.count("sec-websocket-protocol") > 1) return fail(bad_handshake("sec-websocket-protocol"));
  return std::string(*protocol);
}

std::string new_key(std::span<const std::byte, 16> random) { return to_base64(random); }

std::string accept_key(std::string_view key) {
  return to_base64(sha1(as_bytes(std::string(key).append(kGuid))));
}

}  // namespace sluice::http::websocket
