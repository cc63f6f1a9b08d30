// SPDX-License-Identifier: MIT
//
// RFC 6455 §4, the opening handshake, both sides without I/O.
#include <sluice/http/websocket/handshake.hpp>

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::http::websocket {
namespace {

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";  // §1.3

// The request of §1.3 with some fields replaced; an empty value leaves a field out.
Request request_with(const std::vector<std::pair<std::string, std::string>>& changes, std::string_view method = "GET") {
  Request request(method, "/chat");
  Headers& headers = request.headers();
  headers.add("Host", "server.example.com");
  headers.add("Upgrade", "websocket");
  headers.add("Connection", "Upgrade");
  headers.add("Sec-WebSocket-Key", kKey);
  headers.add("Sec-WebSocket-Version", "13");
  for (const auto& [name, value] : changes) {
    headers.remove(name);
    if (!value.empty()) headers.add(name, value);
  }
  return request;
}

TEST(Handshake, AcceptsAsTheExampleInSection1_3) {
  EXPECT_EQ(accept_key(kKey), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  Request request = request_with({});
  ASSERT_EQ(check_request(request, {}), "");
  Response response = switching_protocols(request, "");
  EXPECT_EQ(response.status, 101);
  EXPECT_EQ(response.headers.find("upgrade"), "websocket");
  EXPECT_EQ(response.headers.find("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(response.headers.find("sec-websocket-protocol"), std::nullopt);
  EXPECT_EQ(response.headers.find("sec-websocket-extensions"), std::nullopt);
}

TEST(Handshake, JudgesRequestsBySection4_2_1) {
  struct Case {
    const char* what;
    Request request;
    const char* reason;  ///< empty: it is let in
  };
  const Case table[] = {
      {"the names in other cases", request_with({{"Upgrade", "WebSocket"}, {"Connection", "upgrade"}}), ""},
      {"a list in Connection", request_with({{"Connection", "keep-alive, Upgrade"}}), ""},
      {"extensions are offered, none is taken", request_with({{"Sec-WebSocket-Extensions", "permessage-deflate"}}), ""},
      {"no body, said aloud", request_with({{"Content-Length", "0"}}), ""},
      {"no Upgrade", request_with({{"Upgrade", ""}}), "upgrade-required"},
      {"another protocol", request_with({{"Upgrade", "h2c"}}), "upgrade-required"},
      {"no Connection", request_with({{"Connection", ""}}), "upgrade-required"},
      {"another Connection", request_with({{"Connection", "keep-alive"}}), "upgrade-required"},
      {"another method", request_with({}, "POST"), "upgrade-required"},
      {"no version", request_with({{"Sec-WebSocket-Version", ""}}), "upgrade-required"},
      {"an old version", request_with({{"Sec-WebSocket-Version", "8"}}), "upgrade-required"},
      {"several versions", request_with({{"Sec-WebSocket-Version", "13, 8"}}), "upgrade-required"},
      {"no key", request_with({{"Sec-WebSocket-Key", ""}}), "bad-websocket-key"},
      {"a key that is too short", request_with({{"Sec-WebSocket-Key", "dGhlIHNhbXBsZQ=="}}), "bad-websocket-key"},
      {"a key of 17 bytes", request_with({{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZSE="}}), "bad-websocket-key"},
      {"a key that is not Base64", request_with({{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j_Q=="}}), "bad-websocket-key"},
      {"a body", request_with({{"Content-Length", "5"}}), "unexpected-body"},
      {"a body in chunks", request_with({{"Transfer-Encoding", "chunked"}}), "unexpected-body"},
  };
  for (const Case& each : table) {
    SCOPED_TRACE(each.what);
    auto checked = check_request(each.request, {});
    if (std::string_view(each.reason).empty()) {
      EXPECT_TRUE(checked);
    } else {
      ASSERT_FALSE(checked);
      EXPECT_EQ(checked.error().reason(), each.reason);
    }
  }
  Request twice = request_with({});
  twice.headers().add("Sec-WebSocket-Key", kKey);
  EXPECT_EQ(check_request(twice, {}).error().reason(), "bad-websocket-key");
  Request old = request_with({});
  old.set_start_line("GET", "/", Version::kHttp10);
  EXPECT_EQ(check_request(old, {}).error().reason(), "upgrade-required");
}

TEST(Handshake, TellsWhatToAskForBySection4_4) {
  Response response = refuse_handshake(check_request(request_with({{"Sec-WebSocket-Version", "8"}}), {}).error());
  EXPECT_EQ(response.status, 426);
  EXPECT_EQ(response.headers.find("sec-websocket-version"), "13");
  EXPECT_EQ(response.headers.find("upgrade"), "websocket");
  Response bad_key = refuse_handshake(check_request(request_with({{"Sec-WebSocket-Key", ""}}), {}).error());
  EXPECT_EQ(bad_key.status, 400);
  EXPECT_TRUE(bad_key.body.contains("\"pointer\":\"sec-websocket-key\"")) << bad_key.body;
}

TEST(Handshake, AgreesOnTheServersBestSubprotocol) {
  const Admission admission{.protocols = {"v2.chat", "v1.chat"}};
  auto chosen = [&](const std::string& offered) {
    return check_request(request_with({{"Sec-WebSocket-Protocol", offered}}), admission).value();
  };
  EXPECT_EQ(chosen("v1.chat, v2.chat"), "v2.chat");
  EXPECT_EQ(chosen("v1.chat"), "v1.chat");
  EXPECT_EQ(chosen("V1.CHAT, v3.chat"), "");
  EXPECT_EQ(chosen(""), "");
  EXPECT_EQ(switching_protocols(request_with({}), "v1.chat").headers.find("sec-websocket-protocol"), "v1.chat");
}

TEST(Handshake, LetsOnlyKnownPagesIn) {
  auto is_let_in = [](const std::string& origin, std::vector<std::string> origins) {
    auto checked = check_request(request_with({{"Origin", origin}}), {.origins = std::move(origins)});
    EXPECT_TRUE(checked || checked.error().reason() == "foreign-origin");
    return checked.has_value();
  };
  EXPECT_TRUE(is_let_in("", {}));  // no browser
  EXPECT_TRUE(is_let_in("http://server.example.com", {}));
  EXPECT_TRUE(is_let_in("https://Server.Example.com", {}));
  EXPECT_FALSE(is_let_in("http://server.example.com:81", {}));
  EXPECT_FALSE(is_let_in("http://evil.example.com", {}));
  EXPECT_FALSE(is_let_in("null", {}));
  EXPECT_TRUE(is_let_in("https://app.example", {"https://app.example"}));
  EXPECT_FALSE(is_let_in("http://app.example", {"https://app.example"}));
  EXPECT_FALSE(is_let_in("http://server.example.com", {"https://app.example"}));
  EXPECT_TRUE(is_let_in("http://anywhere", {"*"}));
}

TEST(Handshake, AsksAsSection4_1Wants) {
  Headers more;
  more.add("Authorization", "token");
  const std::vector<std::string> protocols = {"a", "b"};
  Request request = opening_request("/chat?x=1", kKey, protocols, more);
  request.headers().add("Host", "server.example.com");
  request.headers().add("Connection", "Upgrade");  // the codec's business
  EXPECT_EQ(check_request(request, {.protocols = {"b"}}), "b");
  EXPECT_EQ(request.target(), "/chat?x=1");
  EXPECT_EQ(request.headers().find("authorization"), "token");
  EXPECT_EQ(request.headers().find("sec-websocket-protocol"), "a, b");
}

TEST(Handshake, JudgesAnswersBySection4_1) {
  struct Case {
    const char* what;
    int status;
    std::vector<std::pair<std::string, std::string>> changes;
    const char* outcome;  ///< the subprotocol, or "!" and the field at fault, or "!" and the reason
  };
  const Case table[] = {
      {"the example", 101, {}, ""},
      {"in other cases", 101, {{"Upgrade", "WEBSOCKET"}, {"Connection", "x, upgrade"}}, ""},
      {"a subprotocol that was offered", 101, {{"Sec-WebSocket-Protocol", "chat"}}, "chat"},
      {"another status", 200, {}, "!handshake-refused"},
      {"a redirection", 302, {}, "!handshake-refused"},
      {"no Upgrade", 101, {{"Upgrade", ""}}, "!upgrade"},
      {"another Upgrade", 101, {{"Upgrade", "h2c"}}, "!upgrade"},
      {"no Connection", 101, {{"Connection", ""}}, "!connection"},
      {"no Accept", 101, {{"Sec-WebSocket-Accept", ""}}, "!sec-websocket-accept"},
      {"the Accept of another key", 101, {{"Sec-WebSocket-Accept", accept_key("x")}}, "!sec-websocket-accept"},
      {"an extension that was not offered", 101, {{"Sec-WebSocket-Extensions", "x"}}, "!sec-websocket-extensions"},
      {"a subprotocol that was not offered", 101, {{"Sec-WebSocket-Protocol", "Chat"}}, "!sec-websocket-protocol"},
  };
  const std::vector<std::string> protocols = {"chat", "superchat"};
  for (const Case& each : table) {
    SCOPED_TRACE(each.what);
    Response response = Response::empty(each.status);
    response.headers.add("Upgrade", "websocket");
    response.headers.add("Connection", "Upgrade");
    response.headers.add("Sec-WebSocket-Accept", accept_key(kKey));
    for (const auto& [name, value] : each.changes) {
      response.headers.remove(name);
      if (!value.empty()) response.headers.add(name, value);
    }
    auto checked = check_response(response, kKey, protocols);
    std::string outcome = checked ? *checked : "!" + std::string(checked.error().field());
    if (outcome == "!") outcome.append(checked.error().reason());
    EXPECT_EQ(outcome, each.outcome);
  }
}

}  // namespace
}  // namespace sluice::http::websocket
