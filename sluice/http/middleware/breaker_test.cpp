// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/breaker.hpp>

#include <chrono>

#include <gtest/gtest.h>

#include <sluice/http/http_test.hpp>

namespace sluice::http::middleware {
namespace {

using namespace std::chrono_literals;

// A handler that answers `status`, behind a breaker.
class BreakerOfARoute {
 public:
  explicit BreakerOfARoute(Context& ctx)
      : ctx_(ctx), handler_(breaker(telemetry.metrics, telemetry.log, runtime_clock())([this](Context&, const Request&) {
          ++calls;
          return Response::empty(status);
        })) {}

  Response ask() {
    Request request("GET", "/patients/P001");
    request.set_route(route_, {"P001"});
    return handler_(ctx_, request);
  }
  int ask_often(int times, int answered) {
    int count = 0;
    for (int i = 0; i < times; ++i) count += ask().status == answered ? 1 : 0;
    return count;
  }

  Telemetry telemetry;
  int status = 200;
  int calls = 0;

 private:
  Context& ctx_;
  const Request::Route route_{"/patients/:id", {"id"}};
  Handler handler_;
};

TEST(BreakerOfARoute, CallsWhatWorks) {
  in_virtual_time([](Context& ctx) {
    BreakerOfARoute route(ctx);
    for (int status : {200, 404, 429, 499}) {
      route.status = status;
      EXPECT_EQ(route.ask_often(100, status), 100) << "not the route's failure";
    }
  });
}

TEST(BreakerOfARoute, SparesWhatFailsAndSaysSo) {
  in_virtual_time([](Context& ctx) {
    BreakerOfARoute route(ctx);
    route.status = 500;
    int refused = route.ask_often(1'000, 503);
    EXPECT_GT(refused, 800);
    EXPECT_EQ(route.calls, 1'000 - refused) << "who is refused does not reach the handler";

    Response response;
    do response = route.ask();
    while (response.status != 503);
    EXPECT_EQ(response.headers.find("retry-after"), "1");
    EXPECT_TRUE(response.body.contains("\"code\":\"breaker-open\"")) << response.body;
    EXPECT_TRUE(route.telemetry.page().contains("http_server_refused_total{reason=\"breaker-open\"} " +
                                                std::to_string(refused + 1)));
    std::string lines = route.telemetry.lines();
    EXPECT_TRUE(lines.contains("\"callee\":\"GET:///patients/:id\"")) << lines;
    EXPECT_FALSE(lines.contains("P001"));
    EXPECT_EQ(lines.find("[http] dropped"), lines.rfind("[http] dropped")) << "one line a second";
    EXPECT_TRUE(lines.contains("breaker is open and requests dropped"));
  });
}

TEST(BreakerOfARoute, DoesNotCountWhatWasShed) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    int asked = 0;
    Handler handler = breaker(telemetry.metrics, telemetry.log, runtime_clock())([&](Context&, const Request&) {
      ++asked;
      Response response = Response::empty(503);
      response.is_shed = true;
      return response;
    });
    Request request("GET", "/");
    for (int i = 0; i < 1'000; ++i) handler(ctx, request);
    EXPECT_EQ(asked, 1'000);
  });
}

TEST(BreakerOfARoute, ComesBackWhenItWorksAgain) {
  in_virtual_time([](Context& ctx) {
    BreakerOfARoute route(ctx);
    route.status = 503;
    route.ask_often(1'000, 503);
    route.status = 200;
    ASSERT_TRUE(sleep(ctx, 10s));
    EXPECT_EQ(route.ask_often(100, 200), 100);
  });
}

TEST(BreakerOfARoute, EachRouteHasItsOwn) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Middleware guard = breaker(telemetry.metrics, telemetry.log, runtime_clock());
    Handler bad = guard([](Context&, const Request&) { return Response::empty(500); });
    Handler good = guard([](Context&, const Request&) { return Response::empty(200); });
    Request request("GET", "/");
    for (int i = 0; i < 1'000; ++i) bad(ctx, request);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(good(ctx, request).status, 200);
  });
}

}  // namespace
}  // namespace sluice::http::middleware
