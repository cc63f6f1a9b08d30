// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/access_log.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

#include <gtest/gtest.h>

#include <sluice/http/http_test.hpp>
#include <sluice/http/router.hpp>
#include <sluice/http/span_key.hpp>

namespace sluice::http::middleware {
namespace {

using namespace std::chrono_literals;

const Request::Route kRoute{"/v1/studies/:study/submissions", {"study"}};

// The log's lines about one request to kRoute that this handler answers.
std::string lines_of(Context& ctx, Handler handler) {
  Telemetry telemetry;
  Request request("POST", "/v1/studies/DEMO/submissions?patientId=P001&note=sad", R"({"heartRate":72})");
  request.set_route(kRoute, {"DEMO"});
  request.headers().add("Authorization", "Bearer secret");
  static_cast<void>(access_log(telemetry.log, runtime_clock())(std::move(handler))(ctx, request));
  return telemetry.lines();
}

TEST(AccessLog, WritesALineWithGoZerosFields) {
  in_virtual_time([](Context& ctx) {
    Context traced(ctx);
    observe::IdSource ids({1, 2});
    observe::SpanContext span = observe::SpanContext::root(ids, true);
    traced.set(kSpanKey, span);
    std::string line = lines_of(traced, [](Context& own, const Request&) -> Result<Response> {
      SLUICE_TRY(sleep(own, 12'300us));
      return Response::text("12345", status::kCreated);
    });
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
    for (std::string_view part :
         {R"("content":"[HTTP] 201 - POST /v1/studies/:study/submissions")", R"("duration":"12.3ms")",
          R"("level":"info")", R"("request_bytes":16)", R"("response_bytes":5)"}) {
      EXPECT_TRUE(line.contains(part)) << part << " in " << line;
    }
    EXPECT_TRUE(line.contains("\"trace\":\"" + to_hex(span.trace) + "\"")) << line;
    EXPECT_TRUE(line.contains("\"span\":\"" + to_hex(span.span) + "\"")) << line;
  });
}

TEST(AccessLog, NeverSaysWhatTheClientSent) {
  in_virtual_time([](Context& ctx) {
    for (int status : {200, 400, 500, 503}) {
      std::string lines = lines_of(ctx, [status](Context&, const Request&) {
        Response response = to_response(Error(Code::kInternal, "segment 7").because("x").at("/heartRate"));
        response.status = status;
        return response;
      });
      for (std::string_view secret : {"P001", "sad", "72", "DEMO", "secret", "patientId"}) {
        EXPECT_FALSE(lines.contains(secret)) << secret << " in " << lines;
      }
    }
  });
}

TEST(AccessLog, NamesNoMethodThatASenderHasMadeUp) {
  in_virtual_time([](Context& ctx) {
    for (auto [method, shown] : {std::pair("CONNECT", "CONNECT"), {"PATCH", "PATCH"}, {"P001", "OTHER"}, {"get", "OTHER"}}) {
      Telemetry telemetry;
      Router router(access_log(telemetry.log, runtime_clock()));
      Request request(method, "/");
      EXPECT_EQ(router(ctx, request).status, 404);
      std::string line = telemetry.lines();
      EXPECT_TRUE(line.contains("\"[HTTP] 404 - " + std::string(shown) + " -\"")) << line;
    }
  });
}

TEST(AccessLog, TellsTheCauseOfAServerErrorOnly) {
  in_virtual_time([](Context& ctx) {
    auto refuse = [](Code code) {
      return [code](Context&, const Request&) { return Error(code, "the disk is full"); };
    };
    std::string error = lines_of(ctx, refuse(Code::kInternal));
    EXPECT_TRUE(error.contains("\"level\":\"error\"") && error.contains("the disk is full")) << error;
    std::string refusal = lines_of(ctx, refuse(Code::kInvalidArgument));
    EXPECT_TRUE(refusal.contains("\"level\":\"info\"") && !refusal.contains("disk")) << refusal;
  });
}

TEST(AccessLog, WritesASlowLineFromHalfASecondOn) {
  in_virtual_time([](Context& ctx) {
    auto after = [](Duration length) { return [length](Context& own, const Request&) { return sleep(own, length); }; };
    EXPECT_FALSE(lines_of(ctx, after(500ms - Duration(1))).contains("slowcall"));
    std::string slow = lines_of(ctx, after(500ms));
    EXPECT_TRUE(slow.contains("\"level\":\"slow\"") && slow.contains(" - slowcall\"")) << slow;
  });
}

TEST(AccessLog, SaysADashWhereThereIsNoRoute) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Router router(access_log(telemetry.log, runtime_clock()));
    Request request("GET", "/patients/P001?x=y");
    EXPECT_EQ(router(ctx, request).status, 404);
    std::string line = telemetry.lines();
    EXPECT_TRUE(line.contains("\"[HTTP] 404 - GET -\"")) << line;
    EXPECT_FALSE(line.contains("P001")) << line;
  });
}

}  // namespace
}  // namespace sluice::http::middleware
