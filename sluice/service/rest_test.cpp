// SPDX-License-Identifier: MIT
#include <sluice/service/rest.hpp>

#include <string>

#include <gtest/gtest.h>

#include <sluice/http/client.hpp>
#include <sluice/net/tls_authority_test.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/observe/span.hpp>
#include <sluice/runtime/fiber_test.hpp>

namespace sluice::service {
namespace {

struct Ping {
  std::string message;
};
SLUICE_FIELDS(Ping, message)

// What a program of several parts makes.
struct World {
  observe::Registry metrics;
  observe::Logger log{runtime_clock(), metrics};
  observe::IdSource ids{{1, 2}};

  http::middleware::ChainParts parts() { return {runtime_clock(), log, metrics, ids}; }
};

RestConfig on_loopback() { return {.name = "test", .host = "127.0.0.1", .port = 0}; }

TEST(Rest, ServesItsRoutesBehindTheDefaultChainUntilItIsStopped) {
  on_processors(2, [](Context& ctx) {
    World world;
    Rest rest(on_loopback(), world.parts());
    rest.get("/ping", [](Context&, const http::Request&) { return Ping{"pong"}; });
    ASSERT_TRUE(rest.listen(ctx));
    TaskGroup serving{ctx};
    serving.go([&](Context& own) { return rest.serve(own); });
    http::Client client({"127.0.0.1", rest.address().port}, runtime_clock());
    auto pong = client.send(ctx, http::Request("GET", "/ping"));
    ASSERT_TRUE(pong) << pong.error().describe();
    EXPECT_EQ(pong->body, R"({"message":"pong"})");
    EXPECT_TRUE(pong->headers.find("traceparent")) << pong->headers.text();
    auto missing = client.send(ctx, http::Request("GET", "/nowhere"));
    ASSERT_TRUE(missing);
    EXPECT_EQ(missing->status, 404);
    client.close_idle();
    serving.context().cancel();
    EXPECT_TRUE(serving.wait());
  });
}

TEST(Rest, ARoutesOwnLimitsGoBeforeTheServices) {
  on_processors(2, [](Context& ctx) {
    World world;
    auto config = on_loopback();
    config.max_bytes = 10;
    Rest rest(config, world.parts());
    auto echo = [](Context&, const http::Request& request) { return http::Response::text(std::string(request.body())); };
    rest.post("/small", echo);
    rest.post("/large", echo, {.max_bytes = 20});
    ASSERT_TRUE(rest.listen(ctx));
    TaskGroup serving{ctx};
    serving.go([&](Context& own) { return rest.serve(own); });
    http::Client client({"127.0.0.1", rest.address().port}, runtime_clock());
    auto status_of = [&](std::string_view path) {
      auto response = client.send(ctx, http::Request("POST", path, std::string(15, 'x')));
      return response ? response->status : 0;
    };
    EXPECT_EQ(status_of("/small"), 413);
    EXPECT_EQ(status_of("/large"), 200);
  });
}

TEST(Rest, AWrongRouteIsAnErrorOfListen) {
  on_processors(1, [](Context& ctx) {
    World world;
    Rest rest(on_loopback(), world.parts());
    auto handler = [](Context&, const http::Request&) { return http::Response::empty(); };
    rest.get("/a/:x", handler);
    rest.get("/a/:y", handler);
    auto listening = rest.listen(ctx);
    ASSERT_FALSE(listening);
    EXPECT_NE(listening.error().detail().find("GET /a/:y"), std::string_view::npos) << listening.error().detail();
  });
}

TEST(Rest, MiddlewaresOfItsOwnAreInsideTheDefaultChainAndTheFirstIsOutermost) {
  on_processors(1, [](Context& ctx) {
    World world;
    Rest rest(on_loopback(), world.parts());
    auto mark = [](std::string name) {
      return [name](http::Handler next) -> http::Handler {
        return [name, next](Context& own, http::Request& request) -> http::Response {
          auto response = next(own, request);
          response.body = name + "(" + response.body + ")";
          return response;
        };
      };
    };
    rest.use(mark("a"));
    rest.use(mark("b"));
    rest.get("/", [](Context&, const http::Request&) { return http::Response::text("h"); });
    ASSERT_TRUE(rest.listen(ctx));
    TaskGroup serving{ctx};
    serving.go([&](Context& own) { return rest.serve(own); });
    http::Client client({"127.0.0.1", rest.address().port}, runtime_clock());
    auto response = client.send(ctx, http::Request("GET", "/"));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->body, "a(b(h))");
  });
}

TEST(Rest, ARouteWithAJwtServesNobodyWithoutOneAndTellsThePagesOfAllowedOrigins) {
  on_processors(2, [](Context& ctx) {
    World world;
    auto config = on_loopback();
    config.cors = http::middleware::CorsOptions{.origins = {"https://app.example"}};
    Rest rest(config, world.parts());
    rest.get("/open", [](Context&, const http::Request&) {});
    rest.get("/mine", [](Context&, const http::Request&) {}, {.jwt = http::JwtSecrets{"a secret for tests"}});
    ASSERT_TRUE(rest.listen(ctx));
    TaskGroup serving{ctx};
    serving.go([&](Context& own) { return rest.serve(own); });
    http::Client client({"127.0.0.1", rest.address().port}, runtime_clock());
    auto ask = [&](const char* method, const char* path) {
      http::Request request(method, path);
      request.headers().add("Origin", "https://app.example");
      auto response = client.send(ctx, request);
      EXPECT_TRUE(response);
      EXPECT_EQ(response->headers.find("access-control-allow-origin"), "https://app.example") << path;
      return response->status;
    };
    EXPECT_EQ(ask("GET", "/open"), 200);
    EXPECT_EQ(ask("GET", "/mine"), 401);
    EXPECT_EQ(ask("GET", "/nowhere"), 404);
    EXPECT_EQ(ask("OPTIONS", "/mine"), 204);
    client.close_idle();
    serving.context().cancel();
    EXPECT_TRUE(serving.wait());
  });
}

TEST(Rest, AShortSecretIsAnErrorOfListen) {
  on_processors(2, [](Context& ctx) {
    World world;
    Rest rest(on_loopback(), world.parts());
    rest.get("/mine", [](Context&, const http::Request&) {}, {.jwt = http::JwtSecrets{"short"}});
    auto listening = rest.listen(ctx);
    ASSERT_FALSE(listening);
    EXPECT_EQ(listening.error().reason(), "short-secret");
  });
}

TEST(Rest, SpeaksTlsWithACertificate) {
  on_processors(2, [](Context& ctx) {
    World world;
    net::TestAuthority authority;
    auto files = authority.issue({});
    auto config = on_loopback();
    config.cert_file = files.cert;
    config.key_file = files.key;
    Rest rest(config, world.parts());
    rest.get("/ping", [](Context&, const http::Request&) { return Ping{"pong"}; });
    ASSERT_TRUE(rest.listen(ctx));
    TaskGroup serving{ctx};
    serving.go([&](Context& own) { return rest.serve(own); });
    auto client = http::Client::open(ctx, {true, {"127.0.0.1", rest.address().port}}, runtime_clock(),
                                     {.ca_file = authority.ca_file()});
    ASSERT_TRUE(client) << client.error().describe();
    auto pong = (*client)->send(ctx, http::Request("GET", "/ping"));
    ASSERT_TRUE(pong) << pong.error().describe();
    EXPECT_EQ(pong->body, R"({"message":"pong"})");
  });
}

TEST(Rest, ACertificateWithoutItsKeyIsAnErrorOfListen) {
  on_processors(1, [](Context& ctx) {
    World world;
    net::TestAuthority authority;
    auto config = on_loopback();
    config.key_file = authority.issue({}).key;
    auto listening = Rest(config, world.parts()).listen(ctx);
    ASSERT_FALSE(listening);
    EXPECT_EQ(listening.error().field(), "CertFile");
    EXPECT_EQ(listening.error().detail(), "is missing");
  });
}

}  // namespace
}  // namespace sluice::service
