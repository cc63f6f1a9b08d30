// SPDX-License-Identifier: MIT
#include <sluice/service/admin.hpp>

#include <gtest/gtest.h>

#include <sluice/http/request.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/runtime/fiber_test.hpp>

namespace sluice::service {
namespace {

http::Response get(Context& ctx, const http::Router& router, std::string_view path) {
  http::Request request("GET", path);
  return router(ctx, request);
}

TEST(Admin, IsReadyOnlyIfEveryCheckIsAndNamesTheOthersWithoutDetails) {
  in_virtual_time([](Context& ctx) {
    observe::Registry metrics;
    http::Router router;
    bool journal_works = true;
    ASSERT_TRUE(add_admin_routes(router, metrics,
                                 {{"journal",
                                   [&]() -> Result<void> {
                                     if (journal_works) return {};
                                     return fail(Code::kUnavailable, "disk SECRET is full");
                                   }},
                                  {"always", []() -> Result<void> { return {}; }}}));
    EXPECT_EQ(get(ctx, router, "/readyz").status, 200);
    journal_works = false;
    auto response = get(ctx, router, "/readyz");
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.body, "journal: unavailable\nalways: ok\n");
    EXPECT_EQ(get(ctx, router, "/healthz").status, 200) << "alive, though not ready";
  });
}

TEST(Admin, ShowsTheRegistrysMetrics) {
  in_virtual_time([](Context& ctx) {
    observe::Registry metrics;
    http::Router router;
    ASSERT_TRUE(add_admin_routes(router, metrics, {}));
    metrics.counter("reports_total", "Reports.").add();
    auto response = get(ctx, router, "/metrics");
    EXPECT_EQ(response.status, 200);
    EXPECT_NE(response.body.find("reports_total 1"), response.body.npos) << response.body;
  });
}

}  // namespace
}  // namespace sluice::service
