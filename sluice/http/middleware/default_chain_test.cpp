// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/default_chain.hpp>

#include <chrono>
#include <stdexcept>

#include <gtest/gtest.h>

#include <sluice/http/http_test.hpp>
#include <sluice/http/router.hpp>
#include <sluice/http/span_key.hpp>

namespace sluice::http::middleware {
namespace {

using namespace std::chrono_literals;

// A connection to a router with one guarded route, "/x/:id".
class DefaultChain : public testing::Test {
 protected:
  void serve(const ChainOptions& options, Handler handler, const std::function<void(Conversation&)>& test) {
    in_virtual_time([&](Context& ctx) {
      telemetry.emplace();
      ChainParts parts{runtime_clock(), telemetry->log, telemetry->metrics, telemetry->ids};
      Router router(combine(refusal_chain(parts)));
      for (const char* method : {"GET", "POST"})
        ASSERT_TRUE(router.add(method, "/x/:id", wrap(default_chain(parts, options), handler)));
      Conversation talk(ctx, std::ref(router));
      test(talk);
    });
  }

  std::optional<Telemetry> telemetry;
};

constexpr std::string_view kGet = "GET /x/1 HTTP/1.1\r\nHost: h\r\n\r\n";

TEST_F(DefaultChain, TracesLogsAndCountsWhatItRefuses) {
  // One refusal of each kind, from the outside in; all are seen by the three that stand before them.
  ChainOptions options{.timeout = 1s, .body_bytes_max = 10, .rate_limit = governance::RateLimit{1e-3, 4}};
  auto handler = [](Context& own, const Request& request) -> Result<Response> {
    if (request.variable("id") == "slow") SLUICE_TRY(sleep(own, 1h));
    if (request.variable("id") == "bad") throw std::runtime_error("bad");
    return Response::text("fine");
  };
  serve(options, handler, [&](Conversation& talk) {
    auto get = [](std::string_view id) { return "GET /x/" + std::string(id) + " HTTP/1.1\r\nHost: h\r\n\r\n"; };
    talk.say(get("1") + get("bad") + get("slow") + "POST /x/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n");
    talk.wait(2s);
    auto replies = talk.replies();
    ASSERT_EQ(replies.size(), 4U);
    for (std::size_t i = 0; int status : {200, 500, 503, 413}) {
      EXPECT_EQ(replies[i].status, status);
      EXPECT_TRUE(replies[i].headers.find("traceparent")) << status;
      EXPECT_TRUE(replies[i].headers.find("ratelimit-limit")) << status;
      ++i;
    }
    std::string lines = telemetry->lines(), page = telemetry->page();
    for (const char* code : {"200", "500", "503", "413"}) {
      EXPECT_TRUE(lines.contains("[HTTP] " + std::string(code) + " - ")) << lines;
      EXPECT_TRUE(page.contains("code=\"" + std::string(code) + "\"} 1")) << code << page;
    }
  });
}

TEST_F(DefaultChain, RefusesByRateBeforeItReadsABody) {
  serve({.rate_limit = governance::RateLimit{1e-3, 1}}, [](Context&, const Request&) {}, [&](Conversation& talk) {
    talk.ask("POST /x/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    Reply refused = talk.ask("POST /x/1 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
    EXPECT_EQ(refused.status, 429);
  });
}

TEST_F(DefaultChain, DoesNotCountTheTimeOfAnUploadAgainstTheHandler) {
  auto echo = [](Context&, const Request& request) { return Response::text(std::string(request.body())); };
  serve({.timeout = 1s}, echo, [&](Conversation& talk) {
    talk.say("POST /x/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab");
    talk.wait(5s);
    EXPECT_EQ(talk.ask("cd").body, "abcd");
  });
}

TEST_F(DefaultChain, GivesTheHandlerItsSpanAndItsDeadline) {
  bool has_span = false;
  Duration left{};
  auto look = [&](Context& own, const Request&) {
    has_span = own.get(kSpanKey) != nullptr;
    left = own.deadline().left(runtime_clock()).value_or(Duration(0));
  };
  serve({.timeout = 3s}, look, [&](Conversation& talk) { talk.ask(kGet); });
  EXPECT_TRUE(has_span);
  EXPECT_EQ(left, 3s);
}

TEST_F(DefaultChain, TracesAndLogsTheRoutersRefusalsButCountsThemUnderNoPath) {
  serve({}, [](Context&, const Request&) {}, [&](Conversation& talk) {
    Reply unknown = talk.ask("GET /patients/P001 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(unknown.status, 404);
    EXPECT_TRUE(unknown.headers.find("traceparent"));
    Reply wrong = talk.ask("DELETE /x/1 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(wrong.status, 405);
    EXPECT_EQ(wrong.headers.find("allow"), "GET, HEAD, POST");
    EXPECT_TRUE(telemetry->lines().contains("[HTTP] 404 - GET -"));
    EXPECT_FALSE(telemetry->page().contains("P001"));
    EXPECT_FALSE(telemetry->page().contains("http_server_requests_code_total{"));
  });
}

TEST_F(DefaultChain, SparesARouteThatFails) {
  auto fail = [](Context&, const Request&) { return Response::empty(500); };
  serve({}, fail, [&](Conversation& talk) {
    for (int i = 0; i < 200; ++i) talk.ask(kGet);
    EXPECT_TRUE(telemetry->page().contains("http_server_refused_total{reason=\"breaker-open\"}"));
    EXPECT_TRUE(telemetry->page().contains("code=\"503\"")) << "a refusal is measured as any answer";
  });
}

TEST_F(DefaultChain, CountsATimeoutAsAFailure) {
  auto linger = [](Context& own, const Request&) -> Result<void> { return sleep(own, 1h); };
  serve({.timeout = 1ms}, linger, [&](Conversation& talk) {
    for (int i = 0; i < 200; ++i) {
      talk.say(kGet);
      talk.wait(10ms);
    }
    EXPECT_TRUE(telemetry->page().contains("http_server_refused_total{reason=\"breaker-open\"}"));
  });
}

TEST_F(DefaultChain, HasNoPartThatIsSwitchedOff) {
  auto slow = [](Context& own, const Request& request) -> Result<Response> {
    SLUICE_TRY(sleep(own, 1h));
    return Response::text(std::string(request.body()));
  };
  Switches off{.trace = false, .log = false, .prometheus = false, .max_conns = false, .breaker = false, .shedding = false,
               .timeout = false, .recover = false, .max_bytes = false, .gunzip = false};
  serve({.timeout = 1s, .body_bytes_max = 2, .requests_max = 0, .middlewares = off}, slow, [&](Conversation& talk) {
    talk.say("POST /x/1 HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc");
    talk.wait(2h);
    auto replies = talk.replies();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].status, 200);
    EXPECT_EQ(replies[0].body, "abc") << "neither too long, nor unpacked, nor late";
    EXPECT_FALSE(replies[0].headers.find("traceparent"));
    EXPECT_FALSE(telemetry->lines().contains("[HTTP]"));
    EXPECT_FALSE(telemetry->page().contains("http_server_requests_code_total{"));
  });
}

}  // namespace
}  // namespace sluice::http::middleware
