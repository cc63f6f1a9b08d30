// SPDX-License-Identifier: MIT
#include <sluice/http/request.hpp>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

struct Target {
  const char* target;
  const char* path;
  const char* query;
};

TEST(Request, TakesItsTargetApart) {
  for (auto [target, path, query] : {
           Target{"/", "/", ""},
           Target{"/a/b?x=1&y=2", "/a/b", "x=1&y=2"},
           Target{"/a?", "/a", ""},
           Target{"/a?b?c", "/a", "b?c"},
           Target{"http://host/a?x", "/a", "x"},
           Target{"http://host", "/", ""},
           Target{"http://host?x", "/", "x"},
           Target{"*", "/", ""},
       }) {
    Request request("GET", target);
    EXPECT_EQ(request.path(), path) << target;
    EXPECT_EQ(request.query(), query) << target;
    EXPECT_EQ(request.target(), target);
  }
}

TEST(Request, DecodesQueryValues) {
  Request request("GET", "/?name=a+b%21&empty=&bare&na%6De2=x&name=second&bad=%zz");
  EXPECT_EQ(request.query_value("name"), "a b!");
  EXPECT_EQ(request.query_value("empty"), "");
  EXPECT_EQ(request.query_value("bare"), "");
  EXPECT_EQ(request.query_value("name2"), "x");
  EXPECT_EQ(request.query_value("bad"), std::nullopt);
  EXPECT_EQ(request.query_value("none"), std::nullopt);
}

TEST(Request, NamesItsPathVariables) {
  Request::Route route{"/studies/:study/receipts/:id", {"study", "id"}};
  Request request("GET", "/studies/DEMO/receipts/7");
  EXPECT_EQ(request.pattern(), "");
  EXPECT_EQ(request.variable("id"), "");
  request.set_route(route, {"DEMO", "7"});
  EXPECT_EQ(request.pattern(), route.pattern);
  EXPECT_EQ(request.variable("study"), "DEMO");
  EXPECT_EQ(request.variable("id"), "7");
  EXPECT_EQ(request.variable("other"), "");
}

TEST(Request, MadeByHandHoldsItsBodyToTheLimitToo) {
  Context ctx;
  Request request("POST", "/", "12345");
  EXPECT_TRUE(request.read_body(ctx, 5));
  EXPECT_EQ(request.read_body(ctx, 4).error().reason(), "too-large");
}

TEST(Request, IsAsNewWhenCleared) {
  Request::Route route{"/:a", {"a"}};
  Request request("POST", "/x?y=1", "body");
  request.headers().add("a", "b");
  request.reply_headers().add("a", "b");
  request.set_route(route, {"x"});
  request.clear();
  EXPECT_EQ(request.method(), "");
  EXPECT_EQ(request.target(), "");
  EXPECT_EQ(request.query(), "");
  EXPECT_EQ(request.body(), "");
  EXPECT_EQ(request.pattern(), "");
  EXPECT_EQ(request.headers().size() + request.reply_headers().size(), 0u);
}

}  // namespace
}  // namespace sluice::http
