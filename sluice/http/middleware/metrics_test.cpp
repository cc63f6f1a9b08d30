// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/metrics.hpp>

#include <chrono>

#include <gtest/gtest.h>

#include <sluice/http/http_test.hpp>

namespace sluice::http::middleware {
namespace {

using namespace std::chrono_literals;

TEST(Metrics, CountsAndTimesByPatternMethodAndCode) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Handler handler = metrics(telemetry.metrics, runtime_clock())([](Context& own, const Request& request) {
      EXPECT_TRUE(sleep(own, 30ms));
      return Response::empty(request.body().empty() ? status::kOk : status::kConflict);
    });
    const Request::Route route{"/v1/receipts/:id", {"id"}};
    for (const char* id : {"7", "8", "9"}) {
      Request request("GET", "/v1/receipts/" + std::string(id), id[0] == '9' ? "body" : "");
      request.set_route(route, {id});
      static_cast<void>(handler(ctx, request));
    }
    std::string page = telemetry.page();
    constexpr std::string_view kOkLabels = R"({path="/v1/receipts/:id",method="GET",code="200")";
    auto line = [&](std::string_view name, std::string_view rest) {
      return "\n" + std::string(name) + std::string(kOkLabels) + std::string(rest) + "\n";
    };
    for (const std::string& wanted :
         {line("http_server_requests_code_total", "} 2"), line("http_server_requests_duration_ms_bucket", ",le=\"25\"} 0"),
          line("http_server_requests_duration_ms_bucket", ",le=\"50\"} 2"),
          line("http_server_requests_duration_ms_sum", "} 60"), line("http_server_requests_duration_ms_count", "} 2")}) {
      EXPECT_TRUE(page.contains(wanted)) << wanted << page;
    }
    EXPECT_TRUE(page.contains(R"(http_server_requests_code_total{path="/v1/receipts/:id",method="GET",code="409"} 1)"));
  });
}

TEST(Metrics, CountsMethodsThatSendersMakeUpAsOne) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Handler handler = metrics(telemetry.metrics, runtime_clock())([](Context&, const Request&) {});
    for (const char* method : {"P001", "P002", "TRACE"}) {
      Request request(method, "/");
      static_cast<void>(handler(ctx, request));
    }
    std::string page = telemetry.page();
    EXPECT_TRUE(page.contains(R"(http_server_requests_code_total{path="",method="OTHER",code="200"} 2)")) << page;
    EXPECT_TRUE(page.contains(R"(http_server_requests_code_total{path="",method="TRACE",code="200"} 1)")) << page;
    EXPECT_FALSE(page.contains("P00")) << page;
  });
}

TEST(Metrics, HasGoZerosBuckets) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Request request("GET", "/");
    static_cast<void>(metrics(telemetry.metrics, runtime_clock())([](Context&, const Request&) {})(ctx, request));
    std::string page = telemetry.page();
    for (const char* bound : {"5", "10", "25", "50", "100", "250", "500", "750", "1000", "+Inf"}) {
      EXPECT_TRUE(page.contains(",le=\"" + std::string(bound) + "\"} 1")) << bound << page;
    }
  });
}

}  // namespace
}  // namespace sluice::http::middleware
