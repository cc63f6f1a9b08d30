// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/authorize.hpp>

#include <string>

#include <gtest/gtest.h>

#include <sluice/http/http_test.hpp>
#include <sluice/http/signed_token_test.hpp>

namespace sluice::http::middleware {
namespace {

// A route that tells who asks.
class Door {
 public:
  Response ask(Context& ctx, const std::vector<std::string>& authorizations) {
    Request request("GET", "/");
    for (const std::string& each : authorizations) request.headers().add("Authorization", each);
    Context own(ctx);
    return handler_(own, request);
  }

  Telemetry telemetry;
  const std::string token = make_token(kHs256, R"({"sub":"device-7"})");

 private:
  Handler handler_ = authorize(*JwtVerifier::make({kTestSecret}), telemetry.metrics, telemetry.log, runtime_clock())(
      [](Context& ctx, const Request&) { return Response::text(ctx.get(kClaimsKey)->find("sub")->text()); });
};

TEST(Authorize, HandsTheClaimsOverWhateverTheSpellingOfBearer) {
  in_virtual_time([](Context& ctx) {
    Door door;
    for (const char* scheme : {"Bearer ", "bearer ", "BEARER ", ""}) {
      Response response = door.ask(ctx, {scheme + door.token});
      EXPECT_EQ(response.status, 200) << scheme;
      EXPECT_EQ(response.body, "device-7");
    }
  });
}

TEST(Authorize, RefusesWithoutATokenAndAsksForOne) {
  in_virtual_time([](Context& ctx) {
    Door door;
    Response response = door.ask(ctx, {});
    EXPECT_EQ(response.status, 401);
    EXPECT_EQ(response.headers.find("www-authenticate"), "Bearer");
    EXPECT_TRUE(response.body.contains("\"code\":\"unauthenticated\"")) << response.body;
    EXPECT_TRUE(door.telemetry.page().contains("http_server_refused_total{reason=\"token-missing\"} 1"));
  });
}

TEST(Authorize, TellsTheLogWhyAndTheClientOnlyThatItIsNotGood) {
  in_virtual_time([](Context& ctx) {
    Door door;
    const std::string forged = make_token(kHs256, R"({"sub":"P0042"})", "another secret");
    Response response = door.ask(ctx, {"Bearer " + forged});
    EXPECT_EQ(response.status, 401);
    EXPECT_EQ(response.headers.find("www-authenticate"), "Bearer error=\"invalid_token\"");
    EXPECT_FALSE(response.body.contains("signature")) << response.body;
    std::string lines = door.telemetry.lines();
    EXPECT_TRUE(lines.contains("\"reason\":\"token-signature\"")) << lines;
    EXPECT_FALSE(lines.contains(forged.substr(0, 20))) << lines;
    EXPECT_TRUE(door.telemetry.page().contains("http_server_refused_total{reason=\"token-signature\"} 1"));
  });
}

TEST(Authorize, RefusesTwoFieldsOfWhichAnotherMightHaveReadTheOther) {
  in_virtual_time([](Context& ctx) {
    Door door;
    EXPECT_EQ(door.ask(ctx, {"Bearer " + door.token, "Bearer x"}).status, 401);
  });
}

}  // namespace
}  // namespace sluice::http::middleware
