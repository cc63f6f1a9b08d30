// SPDX-License-Identifier: MIT
//
// From the request to the last frame: through H1Connection, the middlewares and the server, with our client and without.
#include <sluice/http/websocket/serve.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/http/http_test.hpp>
#include <sluice/http/middleware/default_chain.hpp>
#include <sluice/http/router.hpp>
#include <sluice/http/server.hpp>
#include <sluice/http/websocket/connect.hpp>
#include <sluice/http/websocket/websocket_test.hpp>
#include <sluice/net/tcp.hpp>

namespace sluice::http::websocket {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kOpening =
    "GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
constexpr std::string_view kSwitched =
    "HTTP/1.1 101 Switching Protocols\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nConnection: Upgrade\r\n\r\n";

// [example]
Result<void> echo(Context& ctx, Socket& socket) {
  for (;;) {
    SLUICE_TRY(auto message, socket.receive(ctx));
    if (!message) return {};
    bool is_text = message->kind == Message::Kind::kText;
    SLUICE_TRY(is_text ? socket.send_text(ctx, message->data) : socket.send_binary(ctx, as_bytes(message->data)));
  }
}
// [/example]

// What the server has said since the last call, as a client understands it.
std::string hear(Conversation& talk) { return understood(Side::kClient, talk.hear()); }

// Has shaken hands.
void open(Conversation& talk) {
  talk.say(kOpening);
  EXPECT_EQ(talk.hear(), kSwitched);
}

TEST(Serve, ShakesHandsAndConverses) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, serve(echo));
    open(talk);
    talk.say(text("Hello") + binary("\x01"));
    EXPECT_EQ(hear(talk), "text(Hello) binary(\x01)");
    talk.say(close_frame(1000));
    EXPECT_EQ(hear(talk), "close(1000,)");
    EXPECT_FALSE(talk.is_over());  // it lingers, so that the client can close first or read on
    talk.end_input();
    EXPECT_TRUE(talk.is_over());
    EXPECT_TRUE(talk.refusals.reasons.empty());
  });
}

TEST(Serve, UnderstandsFramesThatComeWithTheRequestHoweverTheyAreSplit) {
  const std::string said = std::string(kOpening) + text("Hello") + ping("p") + close_frame(1000, "bye");
  for (std::size_t at = 1; at < said.size(); ++at) {
    SCOPED_TRACE(at);
    in_virtual_time([&](Context& ctx) {
      Conversation talk(ctx, serve(echo));
      talk.say(said.substr(0, at));
      std::string heard = talk.hear();
      talk.say(said.substr(at));
      heard.append(talk.hear());
      ASSERT_TRUE(heard.starts_with(kSwitched)) << heard;
      std::string told = understood(Side::kClient, heard.substr(kSwitched.size()));
      EXPECT_TRUE(told == "text(Hello) pong(p) close(1000,)" || told == "pong(p) text(Hello) close(1000,)" ||
                  told == "pong(p) close(1000,)") << told;  // the Close may overtake the echo
    });
  }
}

TEST(Serve, RefusesWhatIsNoHandshakeAndGoesOn) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, serve(echo));
    Reply plain = talk.ask("GET /chat HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(plain.status, 426);
    EXPECT_EQ(plain.headers.find("upgrade"), "websocket");
    EXPECT_EQ(plain.headers.find("connection"), "Upgrade");
    EXPECT_EQ(plain.headers.find("sec-websocket-version"), "13");
    std::string foreign(kOpening);
    foreign.insert(foreign.size() - 2, "Origin: http://elsewhere\r\n");
    EXPECT_EQ(talk.ask(foreign).status, 403);
    open(talk);
  });
}

TEST(Serve, AgreesOnASubprotocol) {
  in_virtual_time([](Context& ctx) {
    std::string agreed;
    auto tell = [&](Context&, Socket& socket) -> Result<void> {
      agreed = socket.protocol();
      return {};
    };
    Conversation talk(ctx, serve(tell, {.admission = {.protocols = {"b", "a"}}}));
    std::string opening(kOpening);
    opening.insert(opening.size() - 2, "Sec-WebSocket-Protocol: a, b\r\n");
    talk.say(opening);
    EXPECT_TRUE(talk.hear().contains("Sec-WebSocket-Protocol: b\r\n"));
    EXPECT_EQ(agreed, "b");
  });
}

TEST(Serve, ClosesAsTheConversationEnds) {
  struct Case {
    SocketHandler handler;
    const char* heard;
    std::vector<std::string> refusals;
  };
  const Case table[] = {
      {[](Context&, Socket&) -> Result<void> { return {}; }, "close(1000,)", {}},
      {[](Context&, Socket&) -> Result<void> { return fail(Code::kInternal, "secret"); },
       "close(1011,)", {"broken-upgrade"}},
      {[](Context&, Socket&) -> Result<void> { throw std::runtime_error("secret"); },
       "close(1011,)", {"broken-upgrade"}},
      {[](Context& ctx, Socket& socket) { return socket.close(ctx, CloseCode(4000), "own words"); },
       "close(4000,own words)", {}},
  };
  for (const Case& each : table) {
    SCOPED_TRACE(each.heard);
    in_virtual_time([&](Context& ctx) {
      Conversation talk(ctx, serve(each.handler));
      talk.say(kOpening);
      std::string heard = talk.hear().substr(kSwitched.size());
      EXPECT_EQ(understood(Side::kClient, heard), each.heard);
      talk.say(close_frame(1000));
      talk.end_input();
      EXPECT_TRUE(talk.is_over());
      EXPECT_EQ(talk.refusals.reasons, each.refusals);
    });
  }
}

TEST(Serve, ReportsAPeerThatBreaksTheProtocolButNotOneThatLeaves) {
  in_virtual_time([](Context& ctx) {
    Conversation rude(ctx, serve(echo));
    open(rude);
    rude.say(text("\xFF"));
    EXPECT_EQ(hear(rude), "close(1007,bad-utf8)");
    rude.say(std::string(100'000, 'x'));  // is read and dropped, so that the Close arrives
    rude.end_input();
    EXPECT_TRUE(rude.is_over());
    EXPECT_EQ(rude.refusals.reasons, std::vector<std::string>{"bad-utf8"});
    Conversation gone(ctx, serve(echo));
    open(gone);
    gone.hang_up();
    EXPECT_TRUE(gone.is_over());
    EXPECT_TRUE(gone.refusals.reasons.empty());
  });
}

TEST(Serve, LetsAHandlerLookAtTheRequestFirst) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, [](Context&, const Request& request) {
      return accept(request, [target = std::string(request.target())](Context& own, Socket& socket) {
        return socket.send_text(own, target);
      });
    });
    talk.say(kOpening);
    EXPECT_EQ(understood(Side::kClient, talk.hear().substr(kSwitched.size())), "text(/chat) close(1000,)");
  });
}

// ---- behind the middlewares ----

TEST(Serve, OutlastsTheTimeLimitOfTheDefaultChain) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    middleware::ChainParts parts{runtime_clock(), telemetry.log, telemetry.metrics, telemetry.ids};
    for (const char* upgrade : {"websocket", "WebSocket"}) {  // the second one does run under `timeout`, until it answers
      Conversation each(ctx, wrap(middleware::default_chain(parts, {.timeout = 3s}), serve(echo)));
      std::string opening(kOpening);
      opening.replace(opening.find("websocket"), 9, upgrade);
      each.say(opening);
      EXPECT_TRUE(each.hear().starts_with("HTTP/1.1 101 "));
      each.wait(20s);
      each.say(text("still here"));
      EXPECT_EQ(hear(each), "text(still here)");
    }
    EXPECT_TRUE(telemetry.lines().contains("[HTTP] 101 - GET"));
  });
}

// ---- a server, and our client ----

// A server on a listener in memory.
class RunningServer {
 public:
  RunningServer(Context& ctx, Handler handler, ServerOptions options) : stop_(ctx), group_(ctx) {
    auto listener = std::make_unique<MemoryListener>();
    listener_ = listener.get();
    server_.emplace(std::move(listener), options, std::move(handler),
                    ServerParts{runtime_clock(), telemetry.metrics, telemetry.log});
    group_.go([this](Context&) { return server_->serve(stop_); });
  }
  ~RunningServer() { stop_.cancel(); }

  Dialer dialer() {
    return [this](Context&) -> Result<std::unique_ptr<net::Stream>> { return listener_->connect(); };
  }
  void stop() { stop_.cancel(); }
  bool has_stopped(Context& ctx) {
    let_all_park(ctx);
    return !telemetry.page().contains("\nhttp_server_connections 1\n");
  }

  Telemetry telemetry;

 private:
  Context stop_;
  MemoryListener* listener_ = nullptr;
  std::optional<Server> server_;
  TaskGroup group_;
};

TEST(Connect, ConversesWithAServer) {
  in_virtual_time([](Context& ctx) {
    RunningServer server(ctx, serve(echo, {.admission = {.protocols = {"echo"}}}), {});
    auto socket = connect(ctx, "ws://h/chat?x=1", {.protocols = {"other", "echo"}, .dial = server.dialer()});
    ASSERT_TRUE(socket) << socket.error().describe();
    EXPECT_EQ((*socket)->protocol(), "echo");
    for (std::size_t size : {0U, 1U, 125U, 126U, 65535U, 65536U, 65537U, 1000000U}) {
      std::string message(size, 'm');
      ASSERT_TRUE((*socket)->send_text(ctx, message));
      auto back = (*socket)->receive(ctx);
      ASSERT_TRUE(back && *back);
      EXPECT_EQ((**back).data, message);
    }
    EXPECT_TRUE((*socket)->close(ctx, CloseCode::kNormal, "enough"));
    EXPECT_EQ((*socket)->peer_close().code, CloseCode::kNormal);
    socket->reset();
    EXPECT_TRUE(server.has_stopped(ctx));
  });
}

TEST(Connect, AsksForThePathAndTheQueryOfTheUrl) {
  in_virtual_time([](Context& ctx) {
    std::string asked;
    auto note = [&](Context&, const Request& request) {
      asked = std::string(request.headers().find("host").value_or("")).append(request.target());
      return accept(request, echo);
    };
    RunningServer server(ctx, note, {});
    const char* const urls[][2] = {{"ws://h", "h/"},           {"WS://h:80/", "h:80/"},
                                   {"ws://h?x=1", "h/?x=1"},   {"ws://h/a/b?c=d&e", "h/a/b?c=d&e"},
                                   {"ws://[::1]:8/a", "[::1]:8/a"}};
    for (auto [url, expected] : urls) {
      EXPECT_TRUE(connect(ctx, url, {.dial = server.dialer()})) << url;
      EXPECT_EQ(asked, expected);
    }
  });
}

TEST(Connect, SaysWhyItFailed) {
  in_virtual_time([](Context& ctx) {
    for (const char* url : {"http://h/", "wss://h/", "ws://", "ws://h /", "ws://user@h/", "ws:/h", "ws://h/#x", ""}) {
      auto socket = connect(ctx, url);
      ASSERT_FALSE(socket) << url;
      EXPECT_EQ(socket.error().code(), Code::kInvalidArgument) << url;
      EXPECT_EQ(socket.error().field(), "url") << url;
    }
    std::vector<std::unique_ptr<net::Stream>> servers;  // open until the end: a reset would be another error
    auto answering = [&](std::string answer) {
      return [&servers, answer = std::move(answer)](Context& own) -> Result<std::unique_ptr<net::Stream>> {
        auto [near, far] = net::memory_pair(kWideWire);
        SLUICE_TRY(far->write(own, as_bytes(answer)));
        far->shutdown_write();
        servers.push_back(std::move(far));
        return std::move(near);
      };
    };
    auto reason = [&](std::string answer) {
      auto socket = connect(ctx, "ws://h/", {.dial = answering(std::move(answer))});
      return socket ? "" : std::string(socket.error().reason());
    };
    EXPECT_EQ(reason("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "handshake-refused");
    EXPECT_EQ(reason("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"), "bad-handshake");
    EXPECT_EQ(reason("SSH-2.0-OpenSSH\r\n"), "bad-handshake");
    EXPECT_EQ(reason("HTTP/1.1 101 Swi"), "bad-handshake");
  });
}

TEST(Serve, TellsItsClientsThatItStopsAndWaitsForThem) {
  in_virtual_time([](Context& ctx) {
    RunningServer server(ctx, serve(echo), {});
    auto socket = connect(ctx, "ws://h/", {.dial = server.dialer()}).value();
    let_all_park(ctx);
    Instant began = runtime_clock().now();
    server.stop();
    EXPECT_EQ(socket->receive(ctx).value(), std::nullopt);
    EXPECT_EQ(socket->peer_close().code, CloseCode::kGoingAway);
    socket.reset();
    EXPECT_TRUE(server.has_stopped(ctx));
    EXPECT_LT(runtime_clock().now() - began, 1ms);
  });
}

TEST(Serve, EndsAConversationWhenTheTimeToDrainIsOver) {
  in_virtual_time([](Context& ctx) {
    Error seen(Code::kUnknown);
    auto stubborn = [&](Context& own, Socket&) -> Result<void> {
      auto slept = sleep(own, 1h);
      seen = slept.error();
      return slept;
    };
    RunningServer server(ctx, serve(stubborn, {.socket = {.close_time = 1h}}), {.drain_time = 7s});
    auto stream = server.dialer()(ctx).value();
    ASSERT_TRUE(stream->write(ctx, as_bytes(kOpening)));
    let_all_park(ctx);
    EXPECT_EQ(take_arrived(*stream), kSwitched);
    server.stop();
    let_all_park(ctx);
    EXPECT_EQ(understood(Side::kClient, take_arrived(*stream)), "close(1001,)");
    EXPECT_TRUE(sleep(ctx, 6s));
    EXPECT_EQ(seen.code(), Code::kUnknown);
    EXPECT_TRUE(sleep(ctx, 1s));
    let_all_park(ctx);
    EXPECT_EQ(seen.reason(), "stopping");
    EXPECT_TRUE(server.has_stopped(ctx));
  });
}

// On real processors and sockets: many clients, several fibers that send on each, and a server that stops under them.
TEST(Serve, ServesManyClientsOverTcp) {
  on_processors(4, [](Context& ctx) {
    constexpr int kClients = 8;
    constexpr std::size_t kMessages = kSanitized ? 50 : 500;
    Telemetry telemetry;
    Context stop(ctx);
    Server server(net::listen({.ip = {127, 0, 0, 1}}).value(), {}, serve(echo),
                  {runtime_clock(), telemetry.metrics, telemetry.log});
    TaskGroup serving(ctx);
    serving.go([&](Context&) { return server.serve(stop); });
    const std::string url = "ws://" + server.address().to_string() + "/";
    TaskGroup clients(ctx);
    for (int client = 0; client < kClients; ++client) {
      clients.go([&](Context& own) -> Result<void> {
        SLUICE_TRY(auto socket, connect(own, url));
        TaskGroup senders(own);
        for (int sender = 0; sender < 2; ++sender) {
          senders.go([&](Context& each) -> Result<void> {
            for (std::size_t i = 0; i < kMessages; ++i) SLUICE_TRY(socket->send_text(each, std::string(i * 37, 'm')));
            return {};
          });
        }
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < 2 * kMessages; ++i) {
          SLUICE_TRY(auto message, socket->receive(own));
          if (!message) return fail(Code::kDataLoss, "the server closed");
          bytes += message->data.size();
        }
        EXPECT_EQ(bytes, 2 * 37 * (kMessages * (kMessages - 1) / 2));
        SLUICE_TRY(senders.wait());
        return socket->close(own);
      });
    }
    auto done = clients.wait();
    EXPECT_TRUE(done) << done.error().describe();
    auto last = connect(ctx, url).value();
    stop.cancel();
    EXPECT_EQ(last->receive(ctx).value(), std::nullopt);
    last.reset();
    EXPECT_TRUE(serving.wait());
  });
}

}  // namespace
}  // namespace sluice::http::websocket
