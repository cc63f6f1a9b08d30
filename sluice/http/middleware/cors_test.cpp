// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/cors.hpp>

#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <sluice/http/http_test.hpp>

namespace sluice::http::middleware {
namespace {

Response ask(Context& ctx, CorsOptions options, const char* method, std::optional<std::string> origin, int* calls = nullptr) {
  Handler handler = cors(std::move(options))([calls](Context&, const Request&) {
    if (calls != nullptr) ++*calls;
    return Response::text("read me");
  });
  Request request(method, "/");
  if (origin) request.headers().add("Origin", *origin);
  return handler(ctx, request);
}

TEST(Cors, LetsAnyOriginReadWithoutCredentialsIfNoneIsNamed) {
  in_virtual_time([](Context& ctx) {
    Response response = ask(ctx, {}, "GET", "https://anywhere.example");
    EXPECT_EQ(response.body, "read me");
    EXPECT_EQ(response.headers.find("access-control-allow-origin"), "*");
    EXPECT_EQ(response.headers.find("access-control-allow-credentials"), std::nullopt);
    EXPECT_EQ(response.headers.find("vary"), "Origin");
  });
}

TEST(Cors, AllowsAnOriginThatIsNamedAndWhatIsBelowIt) {
  struct Case {
    const char* entry;
    const char* origin;
    bool is_allowed;
  };
  const Case table[] = {{"https://a.example", "https://a.example", true},  {"https://a.example", "HTTPS://A.example", true},
                        {"https://a.example", "https://b.example", false}, {"https://a.example", "http://a.example", false},
                        {"a.example", "https://x.a.example", true},        {"a.example", "https://a.example", false},
                        {"a.example", "https://evila.example", false},     {"a.example", "https://a.example.evil", false},
                        {"*", "https://any.example", true},                {"a.example", "null", false}};
  in_virtual_time([&](Context& ctx) {
    for (const Case& each : table) {
      Response response = ask(ctx, {.origins = {each.entry}}, "GET", each.origin);
      EXPECT_EQ(response.status, 200) << "served all the same";
      EXPECT_EQ(response.headers.find("access-control-allow-origin").has_value(), each.is_allowed)
          << each.entry << " " << each.origin;
      if (!each.is_allowed) continue;
      EXPECT_EQ(response.headers.find("access-control-allow-origin"), each.origin);
      EXPECT_EQ(response.headers.find("access-control-allow-credentials"), "true");
    }
  });
}

TEST(CorsDeathTest, TakesNoEmptyEntryWhichWouldAllowAllThatEndWithADot) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(static_cast<void>(cors({.origins = {"https://a.example", ""}})), "an empty entry");
}

TEST(Cors, AnswersEveryPreflightItself) {
  in_virtual_time([](Context& ctx) {
    int calls = 0;
    Response response = ask(ctx, {.origins = {"https://a.example"}, .headers = {"X-Study"}}, "OPTIONS", "https://a.example", &calls);
    EXPECT_EQ(calls, 0);
    EXPECT_EQ(response.status, 204);
    EXPECT_EQ(response.body, "");
    EXPECT_EQ(response.headers.find("access-control-allow-methods"), "GET, HEAD, POST, PATCH, PUT, DELETE");
    EXPECT_EQ(response.headers.find("access-control-allow-headers"),
              "Content-Type, Origin, X-CSRF-Token, Authorization, AccessToken, Token, Range, X-Study");
    EXPECT_EQ(response.headers.find("access-control-expose-headers"),
              "Content-Length, Access-Control-Allow-Origin, Access-Control-Allow-Headers");
    EXPECT_EQ(response.headers.find("access-control-max-age"), "86400");
    EXPECT_TRUE(response.headers.has_token("vary", "Access-Control-Request-Method"));
    EXPECT_TRUE(response.headers.has_token("vary", "Access-Control-Request-Headers"));
    EXPECT_EQ(ask(ctx, {.origins = {"https://a.example"}}, "OPTIONS", "https://b.example", &calls).headers.count(
                  "access-control-allow-origin"), 0U);
    EXPECT_EQ(calls, 0);
  });
}

TEST(Cors, TellsCachesEvenWhenThereIsNoOrigin) {
  in_virtual_time([](Context& ctx) {
    Response response = ask(ctx, {.origins = {"https://a.example"}}, "GET", std::nullopt);
    EXPECT_EQ(response.headers.find("vary"), "Origin");
    EXPECT_EQ(response.headers.count("access-control-allow-methods"), 0U);
  });
}

}  // namespace
}  // namespace sluice::http::middleware
