// SPDX-License-Identifier: MIT
#include <sluice/http/server.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/http/client.hpp>
#include <sluice/http/h2_test.hpp>
#include <sluice/http/http_test.hpp>
#include <sluice/net/tcp.hpp>
#include <sluice/net/tls.hpp>
#include <sluice/net/tls_authority_test.hpp>
#include <sluice/runtime/blocking.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

// A server with a certificate, and what its clients trust.
class World {
 public:
  World(Context& ctx, std::unique_ptr<net::Listener> listener, ServerOptions options = {})
      : files(authority.issue({})), ctx_(ctx), stop_(ctx), group_(ctx) {
    tls_ = *net::TlsServerContext::load(ctx, {.cert_file = files.cert, .key_file = files.key, .alpn = tls_protocols()});
    client_ = *net::TlsClientContext::load(ctx, {.ca_file = authority.ca_file(), .alpn = {"http/1.1"}});
    h2_client_ = *net::TlsClientContext::load(ctx, {.ca_file = authority.ca_file(), .alpn = {"http/1.1", "h2"}});
    server_.emplace(std::move(listener), options,
                    [](Context&, const Request& request) { return Response::text(std::string(request.target())); },
                    ServerParts{runtime_clock(), telemetry.metrics, telemetry.log, tls_.get()});
    group_.go([this](Context&) { return server_->serve(stop_); });
  }
  ~World() { stop_.cancel(); }

  Result<std::unique_ptr<net::TlsStream>> secure(std::unique_ptr<net::Stream> below) {
    return net::tls_connect(ctx_, std::move(below), *client_, "server.test");
  }
  // By one who would rather speak HTTP/1.1 but can speak HTTP/2.
  Result<std::unique_ptr<net::TlsStream>> secure_h2(std::unique_ptr<net::Stream> below) {
    return net::tls_connect(ctx_, std::move(below), *h2_client_, "server.test");
  }
  std::vector<Reply> ask(net::Stream& stream) {
    EXPECT_TRUE(stream.write(ctx_, as_bytes(kGet)));
    let_all_park(ctx_);
    return parse_replies(take_arrived(stream));
  }
  std::string open_connections() {
    std::string page = telemetry.page();
    auto at = page.find("\nhttp_server_connections ") + 1;
    return page.substr(at, page.find('\n', at) - at);
  }
  Server& server() { return *server_; }
  void stop() { stop_.cancel(); }

  net::TestAuthority authority;
  const net::TestAuthority::Files files;
  Telemetry telemetry;

 private:
  Context& ctx_;
  std::unique_ptr<net::TlsServerContext> tls_;
  std::unique_ptr<net::TlsClientContext> client_, h2_client_;
  Context stop_;
  std::optional<Server> server_;
  TaskGroup group_;
};

// A world whose listener is in memory.
class MemoryWorld {
 public:
  explicit MemoryWorld(Context& ctx, ServerOptions options = {}) : MemoryWorld(ctx, std::make_unique<MemoryListener>(), options) {}
  std::unique_ptr<net::Stream> connect() { return listener_->connect(); }
  World* operator->() { return &world_; }

 private:
  MemoryWorld(Context& ctx, std::unique_ptr<MemoryListener> listener, ServerOptions options)
      : listener_(listener.get()), world_(ctx, std::move(listener), options) {}
  MemoryListener* const listener_;
  World world_;
};

TEST(ServerTls, ServesRequestsThatNobodyOnTheWayCanRead) {
  in_virtual_time([](Context& ctx) {
    MemoryWorld world(ctx);
    auto client = world->secure(world.connect());
    ASSERT_TRUE(client) << client.error().describe();
    EXPECT_EQ((*client)->protocol(), "http/1.1");
    for (int i = 0; i < 2; ++i) {
      auto replies = world->ask(**client);
      ASSERT_EQ(replies.size(), 1U);
      EXPECT_EQ(replies[0].body, "/");
    }
  });
}

TEST(ServerTls, AgreesOnHttp2WithWhoeverCanSpeakIt) {
  in_virtual_time([](Context& ctx) {
    MemoryWorld world(ctx);
    auto client = world->secure_h2(world.connect());
    ASSERT_TRUE(client) << client.error().describe();
    EXPECT_EQ((*client)->protocol(), "h2");
    ASSERT_TRUE((*client)->write(ctx, as_bytes(std::string_view(h2_hello() + h2_head(1, h2_get("/secret"))))));
    let_all_park(ctx);
    auto frames = h2_frames(take_arrived(**client));
    auto is_body = [](const H2Frame& frame) { return frame.type == kData && frame.payload == "/secret"; };
    EXPECT_TRUE(std::any_of(frames.begin(), frames.end(), is_body));
  });
}

TEST(ServerTls, ServesOthersWhileStrangersSayNothingAndClosesThoseInTime) {
  in_virtual_time([](Context& ctx) {
    MemoryWorld world(ctx, {.connections_max = 1'001, .h1 = {.head_time = 3s}});
    std::vector<std::unique_ptr<net::Stream>> strangers;
    for (int i = 0; i < 1'000; ++i) strangers.push_back(world.connect());
    auto client = world->secure(world.connect());
    ASSERT_TRUE(client) << client.error().describe();
    EXPECT_EQ(world->ask(**client).size(), 1U);
    EXPECT_EQ(world->open_connections(), "http_server_connections 1001");
    ASSERT_TRUE(sleep(ctx, 3s));
    let_all_park(ctx);
    EXPECT_EQ(world->open_connections(), "http_server_connections 1");
    EXPECT_TRUE(strangers.front()->peer_has_gone());
    EXPECT_TRUE(world->telemetry.page().contains("http_server_refused_total{reason=\"slow-handshake\"} 1000"));
    EXPECT_EQ(world->ask(**client).size(), 1U);
  });
}

TEST(ServerTls, ClosesOnWhatIsNotTlsAndTellsItOnceASecond) {
  in_virtual_time([](Context& ctx) {
    MemoryWorld world(ctx);
    for (int i = 0; i < 3; ++i) {
      auto client = world.connect();
      ASSERT_TRUE(client->write(ctx, as_bytes("GET /?patient=P001 HTTP/1.1\r\nHost: h\r\n\r\n")));
      let_all_park(ctx);
      static_cast<void>(take_arrived(*client));
      EXPECT_TRUE(client->peer_has_gone());
    }
    EXPECT_TRUE(world->telemetry.page().contains("http_server_refused_total{reason=\"handshake\"} 3"));
    std::string lines = world->telemetry.lines();
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1) << lines;
    EXPECT_FALSE(lines.contains("P001")) << lines;
    EXPECT_EQ(world->open_connections(), "http_server_connections 0");
  });
}

TEST(ServerTls, TellsWhomItHasNoRoomForSoThatHeCanReadIt) {
  in_virtual_time([](Context& ctx) {
    MemoryWorld world(ctx, {.connections_max = 1});
    auto first = world->secure(world.connect());
    ASSERT_TRUE(first);
    EXPECT_EQ(world->ask(**first).size(), 1U);
    auto second = world->secure(world.connect());
    ASSERT_TRUE(second) << second.error().describe();
    let_all_park(ctx);
    auto replies = parse_replies(take_arrived(**second));
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].status, 503);
  });
}

TEST(ServerTls, EndsConnectionsWithAFarewell) {
  in_virtual_time([](Context& ctx) {
    MemoryWorld world(ctx, {.h1 = {.idle_time = 75s}});
    auto asked_to_close = world->secure(world.connect()), idle = world->secure(world.connect()),
         stopped = world->secure(world.connect());
    ASSERT_TRUE(asked_to_close && idle && stopped);
    std::array<std::byte, 1024> buffer;
    EXPECT_TRUE((*asked_to_close)->Stream::write(ctx, as_bytes("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")));
    EXPECT_GT((*asked_to_close)->read(ctx, buffer).value_or(0), 0U);
    EXPECT_EQ((*asked_to_close)->read(ctx, buffer), 0U);
    ASSERT_TRUE(sleep(ctx, 74s));
    EXPECT_EQ(world->ask(**stopped).size(), 1U);
    ASSERT_TRUE(sleep(ctx, 2s));
    EXPECT_EQ((*idle)->read(ctx, buffer), 0U);
    world->stop();
    EXPECT_EQ((*stopped)->read(ctx, buffer), 0U);
  });
}

// Lets through what it is told to.
class Tap final : public net::Stream {
 public:
  Tap(std::unique_ptr<net::Stream> below, std::optional<std::string>& held) : below_(std::move(below)), held_(held) {}
  Result<std::size_t> read(Context& ctx, std::span<std::byte> into) override { return below_->read(ctx, into); }
  Result<std::optional<std::size_t>> try_read(std::span<std::byte> into) override { return below_->try_read(into); }
  bool stand_by(Standby& standby, Deadline until) override { return below_->stand_by(standby, until); }
  Result<void> write(Context& ctx, net::Pieces pieces) override { return below_->write(ctx, pieces); }
  Result<std::size_t> try_write(net::Pieces pieces) override {
    if (!held_) return below_->try_write(pieces);
    for (auto piece : pieces) held_->append(as_text(piece));
    return held_->size();
  }
  void shutdown_write() noexcept override { below_->shutdown_write(); }
  bool peer_has_gone() noexcept override { return below_->peer_has_gone(); }
  net::Address peer() const noexcept override { return below_->peer(); }
  net::Stream& below() { return *below_; }

 private:
  const std::unique_ptr<net::Stream> below_;
  std::optional<std::string>& held_;  // nothing: lets all through
};

TEST(ServerTls, HalfARecordIsNoReasonToWaitLonger) {
  in_virtual_time([](Context& ctx) {
    MemoryWorld world(ctx, {.h1 = {.idle_time = 75s}});
    std::optional<std::string> held;
    auto tap = std::make_unique<Tap>(world.connect(), held);
    net::Stream& wire = tap->below();
    auto client = world->secure(std::move(tap));
    ASSERT_TRUE(client);
    let_all_park(ctx);
    held.emplace();
    ASSERT_TRUE((*client)->Stream::write(ctx, as_bytes(kGet)));
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(sleep(ctx, 24s));
      EXPECT_FALSE(wire.peer_has_gone());
      ASSERT_TRUE(wire.write(ctx, as_bytes(*held).subspan(static_cast<std::size_t>(i), 1)));
    }
    ASSERT_TRUE(sleep(ctx, 4s));
    static_cast<void>(take_arrived(wire));
    EXPECT_TRUE(wire.peer_has_gone());
  });
}

// ---- on the loopback interface ----

constexpr net::Address kLoopback{.family = net::Address::Family::kIpV4, .port = 0, .ip = {127, 0, 0, 1}};

TEST(ServerTls, OurClientAsksItAndVerifiesWhoItIs) {
  on_processors(2, [](Context& ctx) {
    auto listener = net::listen(kLoopback);
    ASSERT_TRUE(listener);
    World world(ctx, *std::move(listener));
    const Origin origin{true, {"127.0.0.1", world.server().address().port}};
    auto client = Client::open(ctx, origin, runtime_clock(), {.ca_file = world.authority.ca_file()});
    ASSERT_TRUE(client) << client.error().describe();
    for (const char* target : {"/a", "/b"}) {
      auto response = (*client)->send(ctx, Request("GET", target));
      ASSERT_TRUE(response) << response.error().describe();
      EXPECT_EQ(response->body, target);
    }
    EXPECT_TRUE(world.telemetry.page().contains("\nhttp_server_connections_total 1\n"));

    auto wary = Client::open(ctx, origin, runtime_clock());  // trusts whom the system does
    ASSERT_TRUE(wary) << wary.error().describe();
    auto refused = (*wary)->send(ctx, Request("GET", "/"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason(), "bad-certificate") << refused.error().describe();

    auto mistaken = Client::open(ctx, origin, runtime_clock(), {.ca_file = world.files.key});
    ASSERT_FALSE(mistaken);
    EXPECT_EQ(mistaken.error().field(), "CaFile");
  });
}

// What a command prints; nothing if it fails. For it the processor is handed on.
std::optional<std::string> output_of(const std::string& command) {
  return blocking([&]() -> std::optional<std::string> {
    FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) return std::nullopt;
    std::string all;
    for (std::array<char, 4096> buffer; std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe);)
      all.append(buffer.data(), count);
    return ::pclose(pipe) == 0 ? std::optional(all) : std::nullopt;
  }, Expect::kLong);
}

TEST(ServerTls, CurlAsksItAndVerifiesWhoItIs) {
  if (!output_of("curl --version")) GTEST_SKIP() << "there is no curl";
  on_processors(2, [](Context& ctx) {
    auto listener = net::listen(kLoopback);
    ASSERT_TRUE(listener);
    World world(ctx, *std::move(listener));
    const std::string url = "https://127.0.0.1:" + std::to_string(world.server().address().port);
    const std::string curl = "curl --silent --noproxy '*' --max-time 60 ";
    for (const char* version : {"--tlsv1.2 --tls-max 1.2 ", "--tlsv1.3 "}) {
      auto heard = output_of(curl + version + "--cacert " + world.authority.ca_file() + " " + url + "/a " + url + "/b");
      EXPECT_EQ(heard, "/a/b") << version;
    }
    EXPECT_EQ(output_of(curl + url), std::nullopt);  // trusts whom the system does
    EXPECT_EQ(output_of(curl + "--tls-max 1.1 --insecure " + url), std::nullopt);
  });
}

}  // namespace
}  // namespace sluice::http
