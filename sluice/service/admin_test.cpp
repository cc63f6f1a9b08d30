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

TEST(Admin, ShowsWhatEachFiberDoes) {
  in_virtual_time([](Context& ctx) {
    observe::Registry metrics;
    http::Router router;
    ASSERT_TRUE(add_admin_routes(router, metrics, {}));
    TaskGroup group{ctx};
    for (int i = 0; i < 3; ++i) group.go([](Context& own) { static_cast<void>(sleep(own, Duration::max())); });
    let_all_park(ctx);
    auto response = get(ctx, router, "/debug/fibers");
    EXPECT_EQ(response.status, 200);
    EXPECT_TRUE(response.body.starts_with("4 fibers: 1 in a blocking call; 3 waiting\n")) << response.body;
    EXPECT_NE(response.body.find("3 fibers (2, 3, 4): waiting, sleeping"), response.body.npos) << response.body;
    response = get(ctx, router, "/debug/fibers?limit=1");
    EXPECT_NE(response.body.find("and 3 fibers with other stacks"), response.body.npos) << response.body;
    for (const char* wrong : {"0", "10001", "-1", "many", "1x", ""})
      EXPECT_EQ(get(ctx, router, std::string("/debug/fibers?limit=") + wrong).status, 400) << wrong;
    EXPECT_EQ(get(ctx, router, "/debug/fibers?limit=10000").status, 200);
  });
}

}  // namespace
}  // namespace sluice::service
