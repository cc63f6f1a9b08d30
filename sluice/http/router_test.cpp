// SPDX-License-Identifier: MIT
#include <sluice/http/router.hpp>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

// Answers with its pattern and the values of these variables, so that a test sees which route was taken.
Handler echo(std::vector<std::string> names = {}) {
  return [names](Context&, const Request& request) {
    std::string text(request.pattern());
    for (const std::string& name : names) text.append(" ").append(name).append("=").append(request.variable(name));
    return Response::text(std::move(text));
  };
}

class RouterTest : public testing::Test {
 protected:
  void add(std::string_view method, std::string_view pattern, std::vector<std::string> names = {}) {
    EXPECT_TRUE(router.add(method, pattern, echo(std::move(names)))) << pattern;
  }
  Response ask(std::string_view method, std::string_view target) {
    Context ctx;
    Request request(method, target);
    return router(ctx, request);
  }
  std::string get(std::string_view target) {
    Response response = ask("GET", target);
    return response.status == status::kOk ? response.body : std::to_string(response.status);
  }

  Router router;
};

TEST_F(RouterTest, PrefersStaticSegmentsToVariables) {
  add("GET", "/users/:id", {"id"});
  add("GET", "/users/me");
  EXPECT_EQ(get("/users/me"), "/users/me");
  EXPECT_EQ(get("/users/you"), "/users/:id id=you");
}

TEST_F(RouterTest, GoesBackFromADeadEnd) {
  add("GET", "/a/b/c");
  add("GET", "/a/:x/d", {"x"});
  add("GET", "/:y/b/e", {"y"});
  EXPECT_EQ(get("/a/b/c"), "/a/b/c");
  EXPECT_EQ(get("/a/b/d"), "/a/:x/d x=b");
  EXPECT_EQ(get("/a/b/e"), "/:y/b/e y=a");
  EXPECT_EQ(get("/a/b/f"), "404");
}

TEST_F(RouterTest, LetsRoutesNameTheSameVariableDifferently) {
  add("GET", "/users/:id", {"id"});
  add("GET", "/users/:name/posts", {"name", "id"});
  EXPECT_EQ(get("/users/7"), "/users/:id id=7");
  EXPECT_EQ(get("/users/7/posts"), "/users/:name/posts name=7 id=");
}

TEST_F(RouterTest, TakesAColonWithinASegmentLiterally) {
  add("POST", "/v1/studies/:study/vitals:batch", {"study"});
  add("POST", "/v1/studies/:study/:kind", {"study", "kind"});
  EXPECT_EQ(ask("POST", "/v1/studies/DEMO/vitals:batch").body, "/v1/studies/:study/vitals:batch study=DEMO");
  EXPECT_EQ(ask("POST", "/v1/studies/DEMO/vitals%3Abatch").body, "/v1/studies/:study/vitals:batch study=DEMO");
  EXPECT_EQ(ask("POST", "/v1/studies/DEMO/vitals:other").body, "/v1/studies/:study/:kind study=DEMO kind=vitals:other");
}

TEST_F(RouterTest, CleansPathsWithoutARedirect) {
  add("GET", "/a/b");
  add("GET", "/");
  for (const char* target : {"/a/b", "/a/b/", "//a//b", "/./a/./b/.", "/x/../a/b", "/../a/b", "/%61/b", "/x/%2e%2E/a/b"}) {
    EXPECT_EQ(get(target), "/a/b") << target;
  }
  for (const char* target : {"/", "//", "/.", "/..", "/a/..", "http://host"}) EXPECT_EQ(get(target), "/") << target;
}

TEST_F(RouterTest, GivesAVariableADecodedSegmentThatIsNeverEmpty) {
  add("GET", "/:id", {"id"});
  EXPECT_EQ(get("/a%2Fb"), "/:id id=a/b");
  EXPECT_EQ(get("/%C3%A9"), "/:id id=\xC3\xA9");
  EXPECT_EQ(get("/"), "404");
  EXPECT_EQ(get("//"), "404");
}

TEST_F(RouterTest, Answers400ToAMalformedEscape) {
  add("GET", "/:id", {"id"});
  for (const char* target : {"/%", "/%2", "/%zz", "/%00"}) EXPECT_EQ(get(target), "400") << target;
}

TEST_F(RouterTest, IgnoresATrailingSlashInThePattern) {
  add("GET", "/a/");
  EXPECT_EQ(get("/a"), "/a/");
  EXPECT_EQ(router.add("GET", "/a", echo()).error().reason(), "duplicate-route");
}

TEST_F(RouterTest, SaysWhichMethodsAreAllowed) {
  add("GET", "/a");
  add("POST", "/a");
  add("DELETE", "/b");
  Response response = ask("PUT", "/a");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.headers.find("allow"), "GET, HEAD, POST");
  EXPECT_EQ(ask("GET", "/b").headers.find("allow"), "DELETE");
}

TEST_F(RouterTest, ServesHeadByGetUnlessItHasARouteOfItsOwn) {
  add("GET", "/a");
  EXPECT_EQ(ask("HEAD", "/a").body, "/a");
  add("HEAD", "/:x", {"x"});
  EXPECT_EQ(ask("HEAD", "/a").body, "/:x x=a");
}

TEST_F(RouterTest, RefusesTwoRoutesForTheSamePaths) {
  add("GET", "/a/:x/b");
  EXPECT_EQ(router.add("GET", "/a/:y/b", echo()).error().code(), Code::kAlreadyExists);
  EXPECT_TRUE(router.add("POST", "/a/:y/b", echo()));
}

TEST_F(RouterTest, RefusesPatternsThatNothingCouldMatch) {
  for (const char* pattern : {"", "a", "//", "/a//b", "/./a", "/a/..", "/:", "/:a:b", "/:a b", "/:a/:a"}) {
    EXPECT_EQ(router.add("GET", pattern, echo()).error().reason(), "bad-pattern") << pattern;
  }
}

TEST_F(RouterTest, FindsNothingBelowItsDepth) {
  std::string pattern, target;
  for (int i = 0; i < 64; ++i) pattern.append("/:v").append(std::to_string(i)), target.append("/x");
  EXPECT_TRUE(router.add("GET", pattern, echo()));
  EXPECT_EQ(get(target), pattern);
  EXPECT_EQ(get(target + "/x"), "404");
  EXPECT_EQ(router.add("GET", pattern + "/:more", echo()).error().reason(), "bad-pattern");
}

TEST(RouterRefusals, AreWrappedToo) {
  int seen = 0;
  Router router([&seen](Handler next) -> Handler {
    return [&seen, next](Context& ctx, Request& request) {
      Response response = next(ctx, request);
      seen = response.status;
      return response;
    };
  });
  Context ctx;
  Request request("GET", "/nowhere");
  EXPECT_EQ(router(ctx, request).status, 404);
  EXPECT_EQ(seen, 404);
}

}  // namespace
}  // namespace sluice::http
