// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/max_connections.hpp>

#include <chrono>

#include <gtest/gtest.h>

#include <sluice/http/http_test.hpp>
#include <sluice/runtime/task_group.hpp>

namespace sluice::http::middleware {
namespace {

using namespace std::chrono_literals;

TEST(MaxConnections, RefusesWhoComesWhileAllPlacesAreTaken) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Handler handler = max_connections(2, telemetry.metrics, telemetry.log, runtime_clock())(
        [](Context& own, const Request&) -> Result<void> { return sleep(own, 1s); });
    auto ask = [&](Context& own) {
      Request request("GET", "/");
      return handler(own, request);
    };
    TaskGroup group(ctx);
    for (int i = 0; i < 2; ++i) group.go([&](Context& own) { EXPECT_EQ(ask(own).status, 200); });
    ASSERT_TRUE(sleep(ctx, 500ms));
    Response refused = ask(ctx);
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.headers.find("retry-after"), "1");
    EXPECT_TRUE(refused.body.contains("\"code\":\"max-connections\"")) << refused.body;
    EXPECT_TRUE(telemetry.page().contains("http_server_refused_total{reason=\"max-connections\"} 1"));
    ASSERT_TRUE(group.wait());
    EXPECT_EQ(ask(ctx).status, 200) << "their places are free again, and the refused one took none";
  });
}

TEST(MaxConnections, AThrownExceptionLeavesItsPlace) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Handler handler = max_connections(1, telemetry.metrics, telemetry.log, runtime_clock())(
        [](Context&, const Request&) -> Response { throw 1; });
    for (int i = 0; i < 2; ++i) {
      Request request("GET", "/");
      EXPECT_THROW(handler(ctx, request), int);
    }
  });
}

}  // namespace
}  // namespace sluice::http::middleware
