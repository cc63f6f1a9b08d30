// SPDX-License-Identifier: MIT
//
// What a client, an operator or a peer of a go-zero REST service relies on: the rows of contracts §13 that concern REST and
// that are in the tree. Each suite is named by its row.
//
// Not in the tree yet, so not here: row "binding" (path, form, header; bodies are read by handlers) · row "config" (RestConf's
// keys, case-insensitive) · row ".api" · of "JWT / signature": signatures (403) · of "REST chain": priority shedding · of
// "responses": null slices, sorted maps, nosniff and the newline on text errors · of "tracing": baggage, sampling, exporters · row "shutdown": epro's end-to-end tests have it · row "dev server": sluice/service/admin_test.cpp.
// Mended on purpose (design §6): a refusal has a body, a problem, where go-zero's is empty; HEAD is served by GET; %2F does
// not separate segments.
// Elsewhere: JWT → sluice/http/jwt_test.cpp, authorize_test.cpp · CORS → cors_test.cpp · the two requests without a timeout →
// timeout_test.cpp · SSE's headers → sse_test.cpp · breaker, shedder and limits by their numbers → sluice/governance,
// sluice/http/middleware.
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/http/middleware/default_chain.hpp>
#include <sluice/http/router.hpp>

#include "connection_judge.hpp"

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

struct Note {
  std::string text;
  std::int64_t count = 0;
};
SLUICE_FIELDS(Note, text, count)

// A service: a router whose routes stand behind the default chain, and one connection to it.
class Service {
 public:
  explicit Service(Context& ctx, const middleware::ChainOptions& options = {})
      : router_(middleware_of_refusals()), options_(options), talk_(ctx, std::ref(router_)) {}

  void route(std::string_view method, std::string_view pattern, Handler handler) {
    ASSERT_TRUE(router_.add(method, pattern, wrap(middleware::default_chain(parts(), options_), std::move(handler))));
  }
  Reply ask(std::string_view method, std::string_view target, std::string_view fields = "", std::string_view body = "") {
    std::string bytes(method);
    bytes.append(" ").append(target).append(" HTTP/1.1\r\nHost: h\r\n").append(fields);
    bytes.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
    return talk_.ask(bytes);
  }
  Conversation& talk() { return talk_; }
  Router& router() { return router_; }
  Telemetry telemetry;

 private:
  middleware::ChainParts parts() { return {runtime_clock(), telemetry.log, telemetry.metrics, telemetry.ids}; }
  Middleware middleware_of_refusals() { return combine(middleware::refusal_chain(parts())); }

  Router router_;
  middleware::ChainOptions options_;
  Conversation talk_;
};

Response fine(Context&, const Request&) { return Response::text("fine"); }

Response tell_pattern(Context&, const Request& request) {
  return Response::text(std::string(request.pattern()) + " " + std::string(request.variable("id")));
}

// ---- REST chain: status codes ----

TEST(GoZeroRestChain, NoRouteIs404AndAnotherMethodIs405WithAllow) {
  in_virtual_time([](Context& ctx) {
    Service service(ctx);
    service.route("GET", "/a", fine);
    service.route("DELETE", "/a", fine);
    EXPECT_EQ(service.ask("GET", "/b").status, 404);
    Reply reply = service.ask("POST", "/a");
    EXPECT_EQ(reply.status, 405);
    EXPECT_EQ(reply.headers.find("allow"), "DELETE, GET, HEAD");
  });
}

TEST(GoZeroRestChain, ABodyOverMaxBytesIs413) {
  in_virtual_time([](Context& ctx) {
    Service service(ctx, {.body_bytes_max = 10});
    service.route("POST", "/a", fine);
    EXPECT_EQ(service.ask("POST", "/a", "", "0123456789").status, 200);
    EXPECT_EQ(service.talk().ask("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n").status, 413);
  });
}

TEST(GoZeroRestChain, MaxBytesIsOneMebibyteByDefault) {
  in_virtual_time([](Context& ctx) {
    Service service(ctx);
    service.route("POST", "/a", fine);
    EXPECT_EQ(service.ask("POST", "/a", "", std::string(1 << 20, 'x')).status, 200);
    EXPECT_EQ(service.talk().ask("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n").status, 413);
  });
}

TEST(GoZeroRestChain, AGzipHeaderThatIsNoneIs400) {
  in_virtual_time([](Context& ctx) {
    Service service(ctx);
    service.route("POST", "/a", fine);
    EXPECT_EQ(service.ask("POST", "/a", "Content-Encoding: gzip\r\n", "not gzip").status, 400);
  });
}

TEST(GoZeroRestChain, APanicIs500AndItsConnectionGoesOn) {
  in_virtual_time([](Context& ctx) {
    Service service(ctx);
    service.route("GET", "/a", [](Context&, const Request&) -> Response { throw std::runtime_error("secret"); });
    Reply reply = service.ask("GET", "/a");
    EXPECT_EQ(reply.status, 500);
    EXPECT_FALSE(reply.closes);
    EXPECT_FALSE(reply.body.contains("secret"));
  });
}

TEST(GoZeroRestChain, ATimeoutIs503AfterThreeSecondsByDefault) {
  in_virtual_time([](Context& ctx) {
    Service service(ctx);
    service.route("GET", "/a", [](Context& own, const Request&) { return sleep(own, 1h); });
    service.talk().say(get("/a"));
    service.talk().wait(2999ms);
    EXPECT_EQ(service.talk().hear(), "");
    service.talk().wait(2ms);
    auto replies = service.talk().replies();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].status, 503);
  });
}

TEST(GoZeroRestChain, ATimeoutOfZeroIsNone) {
  in_virtual_time([](Context& ctx) {
    Service service(ctx, {.timeout = Duration(0)});
    service.route("GET", "/a", [](Context& own, const Request&) { return sleep(own, 1h); });
    service.talk().say(get("/a"));
    service.talk().wait(1h);
    EXPECT_EQ(service.talk().replies().at(0).status, 200);
  });
}

TEST(GoZeroRestChain, AClientThatGoesAwayIsRecordedAs499) {
  in_virtual_time([](Context& ctx) {
    Service service(ctx);
    service.route("GET", "/a", [](Context& own, const Request&) { return sleep(own, 1s); });
    service.talk().say(get("/a"));
    let_all_park(ctx);
    service.talk().hang_up();
    EXPECT_TRUE(sleep(ctx, 2s));
    std::string lines = service.telemetry.lines();
    EXPECT_TRUE(lines.contains("[HTTP] 499 - GET /a")) << lines;
  });
}

TEST(GoZeroRestChain, MaxConnsIsCountedByRouteAndRefusesWith503) {
  in_virtual_time([](Context& ctx) {
    Service service(ctx, {.requests_max = 1});
    service.route("GET", "/slow", [](Context& own, const Request&) { return sleep(own, 1s); });
    service.route("GET", "/other", fine);
    Conversation second(ctx, std::ref(service.router()));
    service.talk().say(get("/slow"));
    let_all_park(ctx);
    EXPECT_EQ(second.ask(get("/slow")).status, 503);
    EXPECT_EQ(second.ask(get("/other")).status, 200);
    service.talk().wait(2s);
    EXPECT_EQ(second.ask(get("/other")).status, 200);
  });
}

// ---- REST chain: order ----

TEST(GoZeroRestChain, WhatIsRefusedFurtherInIsTracedLoggedAndCounted) {
  in_virtual_time([](Context& ctx) {
    Service service(ctx, {.body_bytes_max = 10});
    service.route("POST", "/a/:id", fine);
    Reply reply = service.ask("POST", "/a/7", "Content-Encoding: gzip\r\n", "no");
    EXPECT_EQ(reply.status, 400);
    EXPECT_TRUE(reply.headers.find("traceparent"));
    EXPECT_TRUE(service.telemetry.lines().contains("[HTTP] 400 - POST /a/:id"));
    EXPECT_TRUE(service.telemetry.page().contains(
        R"(http_server_requests_code_total{path="/a/:id",method="POST",code="400"} 1)"));
  });
}

TEST(GoZeroRestChain, TheRoutersRefusalsAreNotInTheMetrics) {
  in_virtual_time([](Context& ctx) {
    Service service(ctx);
    service.route("GET", "/a", fine);
    service.ask("GET", "/nowhere");
    service.ask("PUT", "/a");
    EXPECT_FALSE(service.telemetry.page().contains("http_server_requests_code_total{"));
  });
}

TEST(GoZeroRestChain, TheBodyIsUnpackedBeforeTheHandlerAndWithinMaxBytes) {
  in_virtual_time([](Context& ctx) {
    // gzip of "hello", as gzip -n writes it.
    const std::string packed("\x1F\x8B\x08\x00\x00\x00\x00\x00\x00\x03\xCB\x48\xCD\xC9\xC9\x07\x00\x86\xA6\x10\x36\x05\x00"
                             "\x00\x00", 25);
    for (auto [limit, status] : {std::pair(std::size_t{25}, 200), std::pair(std::size_t{24}, 413)}) {
      Service service(ctx, {.body_bytes_max = limit});
      service.route("POST", "/a",
                    [](Context&, const Request& request) { return Response::text(std::string(request.body())); });
      Reply reply = service.ask("POST", "/a", "Content-Encoding: gzip\r\n", packed);
      EXPECT_EQ(reply.status, status);
      EXPECT_EQ(reply.body == "hello", status == 200) << reply.body;
    }
  });
}

// ---- REST chain: the router ----

TEST(GoZeroRestChain, ATrailingSlashMakesNoDifference) {
  in_virtual_time([](Context& ctx) {
    Service service(ctx);
    service.route("GET", "/a/b", tell_pattern);
    for (const char* target : {"/a/b", "/a/b/", "//a//b", "/a/./b", "/a/x/../b"}) {
      Reply reply = service.ask("GET", target);
      EXPECT_EQ(reply.status, 200) << target << ": no redirect";
      EXPECT_EQ(reply.body, "/a/b ") << target;
    }
  });
}

TEST(GoZeroRestChain, AStaticSegmentGoesBeforeAVariableAndTheSearchGoesBack) {
  in_virtual_time([](Context& ctx) {
    Service service(ctx);
    for (const char* pattern : {"/a/me", "/a/:id", "/a/me/x", "/a/:id/y"}) service.route("GET", pattern, tell_pattern);
    EXPECT_EQ(service.ask("GET", "/a/me").body, "/a/me ");
    EXPECT_EQ(service.ask("GET", "/a/you").body, "/a/:id you");
    EXPECT_EQ(service.ask("GET", "/a/me/y").body, "/a/:id/y me");
    EXPECT_EQ(service.ask("GET", "/a/%C3%A9").body, "/a/:id \xC3\xA9");
  });
}

TEST(GoZeroRestChain, ADuplicateRouteIsAnErrorBeforeTheStart) {
  Router router;
  ASSERT_TRUE(router.add("GET", "/a/:id", fine));
  auto again = router.add("GET", "/a/:id", fine);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().detail(), "duplicated item for /a/:id");
}

// ---- responses ----

TEST(GoZeroResponses, AStructIs200AndJsonWithoutEscapedHtmlOrANewline) {
  in_virtual_time([](Context& ctx) {
    Service service(ctx);
    service.route("GET", "/a", [](Context&, const Request&) { return Note{"<a href=\"b\">&</a>", 7}; });
    Reply reply = service.ask("GET", "/a");
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.find("content-type"), "application/json; charset=utf-8");
    EXPECT_EQ(reply.body, R"({"text":"<a href=\"b\">&</a>","count":7})");
  });
}

TEST(GoZeroResponses, NothingIs200AndEmpty) {
  in_virtual_time([](Context& ctx) {
    Service service(ctx);
    service.route("GET", "/a", [](Context&, const Request&) {});
    Reply reply = service.ask("GET", "/a");
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "");
    EXPECT_EQ(reply.headers.find("content-length"), "0");
  });
}

// All but Canceled, which go-zero maps to 408: no client hears it, and our log says 499 as for HTTP (problem.hpp).
TEST(GoZeroResponses, CodesAreMappedAsGrpcsAre) {
  in_virtual_time([](Context& ctx) {
    const std::vector<std::pair<Code, int>> table = {
        {Code::kInvalidArgument, 400}, {Code::kFailedPrecondition, 400}, {Code::kOutOfRange, 400},
        {Code::kUnauthenticated, 401}, {Code::kPermissionDenied, 403},   {Code::kNotFound, 404},
        {Code::kAlreadyExists, 409},   {Code::kAborted, 409},            {Code::kResourceExhausted, 429},
        {Code::kInternal, 500},        {Code::kDataLoss, 500},           {Code::kUnknown, 500},
        {Code::kUnimplemented, 501},   {Code::kUnavailable, 503},        {Code::kDeadlineExceeded, 504}};
    for (auto [code, status] : table) {
      Service service(ctx);
      service.route("GET", "/a", [code = code](Context&, const Request&) { return Error(code); });
      EXPECT_EQ(service.ask("GET", "/a").status, status);
    }
  });
}

// ---- breaker ----

TEST(GoZeroBreaker, CountsStatusesFrom500OnAndNoOthers) {
  in_virtual_time([](Context& ctx) {
    for (auto [answered, is_failure] :
         {std::pair(404, false), std::pair(429, false), std::pair(500, true), std::pair(503, true)}) {
      Service service(ctx);
      service.route("GET", "/a", [answered = answered](Context&, const Request&) { return Response::empty(answered); });
      bool has_opened = false;
      for (int i = 0; i < 300; ++i) has_opened |= service.ask("GET", "/a").body.contains("breaker-open");
      EXPECT_EQ(has_opened, is_failure) << answered;
    }
  });
}

// ---- logs, metrics, tracing ----

TEST(GoZeroLogs, ALineIsJsonWithItsKeysInAlphabeticalOrder) {
  in_virtual_time([](Context& ctx) {
    Service service(ctx);
    service.route("GET", "/a", fine);
    service.ask("GET", "/a");
    std::string line = service.telemetry.lines();
    std::size_t before = 0;
    for (const char* key : {"\"@timestamp\":\"", "\"caller\":\"", "\"content\":\"", "\"duration\":\"", "\"level\":\"info\"",
                            "\"span\":\"", "\"trace\":\""}) {
      std::size_t at = line.find(key);
      ASSERT_NE(at, line.npos) << key << " in " << line;
      EXPECT_GE(at, before) << key << " in " << line;
      before = at;
    }
  });
}

TEST(GoZeroMetrics, HaveItsNamesLabelsAndBuckets) {
  in_virtual_time([](Context& ctx) {
    Service service(ctx);
    service.route("GET", "/a/:id", fine);
    service.ask("GET", "/a/7");
    std::string page = service.telemetry.page();
    EXPECT_TRUE(page.contains(R"(http_server_requests_code_total{path="/a/:id",method="GET",code="200"} 1)")) << page;
    for (const char* bound : {"5", "10", "25", "50", "100", "250", "500", "750", "1000", "+Inf"}) {
      EXPECT_TRUE(page.contains(R"(http_server_requests_duration_ms_bucket{path="/a/:id",method="GET",code="200",le=")" +
                                std::string(bound) + "\"} 1")) << bound;
    }
  });
}

TEST(GoZeroTracing, GoesOnWithTheCallersTraceAndTellsIt) {
  in_virtual_time([](Context& ctx) {
    Service service(ctx);
    service.route("GET", "/a", fine);
    Reply reply = service.ask("GET", "/a", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n");
    std::string told(reply.headers.find("traceparent").value_or(""));
    EXPECT_TRUE(told.starts_with("00-0af7651916cd43dd8448eb211c80319c-")) << told;
    EXPECT_FALSE(told.contains("b7ad6b7169203331")) << "a span of its own: " << told;
    EXPECT_TRUE(service.telemetry.lines().contains("\"trace\":\"0af7651916cd43dd8448eb211c80319c\""));
  });
}

}  // namespace
}  // namespace sluice::http
