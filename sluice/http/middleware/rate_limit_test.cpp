// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/rate_limit.hpp>

#include <chrono>

#include <gtest/gtest.h>

#include <sluice/governance/keyed_buckets.hpp>
#include <sluice/http/http_test.hpp>

namespace sluice::http::middleware {
namespace {

using namespace std::chrono_literals;

constexpr governance::RateLimit kPingLimit{.per_second = 2, .burst = 5};
constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

Handler pong() {
  return [](Context&, const Request&) { return Response::text("pong"); };
}

Middleware limited(Telemetry& telemetry, const governance::RateLimit& limit) {
  return rate_limit(limit, telemetry.metrics, telemetry.log, runtime_clock());
}

TEST(RateLimit, LetsTheBurstThroughAndRefusesTheNextWithATime) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Conversation talk(ctx, limited(telemetry, kPingLimit)(pong()));
    for (const char* left : {"4", "3", "2", "1", "0"}) {
      Reply reply = talk.ask(kGet);
      EXPECT_EQ(reply.status, 200);
      EXPECT_EQ(reply.headers.find("ratelimit-limit"), "5");
      EXPECT_EQ(reply.headers.find("ratelimit-remaining"), left);
    }
    Reply refused = talk.ask(kGet);
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.headers.find("retry-after"), "1");
    EXPECT_EQ(refused.headers.find("ratelimit-remaining"), "0");
    EXPECT_EQ(refused.headers.find("ratelimit-reset"), "3");  // five at two a second, in whole seconds
    EXPECT_TRUE(refused.body.contains("\"code\":\"rate-limited\"")) << refused.body;
    EXPECT_FALSE(refused.closes);
    EXPECT_TRUE(telemetry.page().contains("http_server_refused_total{reason=\"rate-limited\"} 1"));
    EXPECT_TRUE(telemetry.lines().contains("\"reason\":\"rate-limited\""));
  });
}

TEST(RateLimit, GivesTokensBackEvenly) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Conversation talk(ctx, limited(telemetry, kPingLimit)(pong()));
    for (int i = 0; i < 5; ++i) talk.ask(kGet);
    talk.wait(499ms);
    EXPECT_EQ(talk.ask(kGet).status, 429);
    talk.wait(1ms);
    EXPECT_EQ(talk.ask(kGet).status, 200);
    EXPECT_EQ(talk.ask(kGet).status, 429);
  });
}

TEST(RateLimit, IsSharedByAllThatItIsWrappedAround) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Middleware one = limited(telemetry, {.per_second = 1, .burst = 1});
    Handler first = one(pong()), second = one(pong());
    Request request("GET", "/");
    EXPECT_EQ(first(ctx, request).status, 200);
    EXPECT_EQ(second(ctx, request).status, 429);
  });
}

TEST(RateLimit, CountsEachKeyByItself) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    governance::KeyedBuckets buckets({.per_second = 1, .burst = 1}, {1, 2});
    auto by_path = [](Context&, const Request& request) { return std::string(request.path()); };
    Handler handler = rate_limit(buckets, by_path, telemetry.metrics, telemetry.log, runtime_clock())(pong());
    auto ask = [&](std::string_view path) {
      Request request("GET", path);
      return handler(ctx, request).status;
    };
    EXPECT_EQ(ask("/a"), 200);
    EXPECT_EQ(ask("/a"), 429);
    EXPECT_EQ(ask("/b"), 200);
  });
}

TEST(RateLimit, RefusesWithoutReadingTheBody) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Conversation talk(ctx, limited(telemetry, {.per_second = 1, .burst = 1})(pong()));
    talk.ask(kGet);
    Reply refused = talk.ask("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n");
    EXPECT_EQ(refused.status, 429);
    EXPECT_TRUE(refused.closes);
  });
}

}  // namespace
}  // namespace sluice::http::middleware
