// SPDX-License-Identifier: MIT
#include <sluice/http/handler.hpp>

#include <string>

#include <gtest/gtest.h>

namespace sluice::http {

struct Pong {
  std::string message;
};
SLUICE_FIELDS(Pong, message)

namespace {

Response answer(const Handler& handler) {
  Context ctx;
  Request request("GET", "/");
  return handler(ctx, request);
}

TEST(Handler, TurnsAStructIntoJson) {
  Response response = answer([](Context&, const Request&) { return Pong{"pong"}; });
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.find("content-type"), "application/json; charset=utf-8");
  EXPECT_EQ(response.body, R"({"message":"pong"})");
  EXPECT_EQ(json(Pong{"made"}, status::kCreated).status, 201);
}

TEST(Handler, TakesAResponseAsItIs) {
  Response response = answer([](Context&, Request&) { return Response::text("x", status::kAccepted); });
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(response.body, "x");
}

TEST(Handler, TurnsNothingIntoAnEmpty200) {
  for (const Handler& handler : {Handler([](Context&, Request&) {}),
                                 Handler([](Context&, Request&) -> Result<void> { return {}; })}) {
    Response response = answer(handler);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "");
    EXPECT_FALSE(response.cause);
  }
}

TEST(Handler, TurnsErrorsAndProblemsIntoTheirAnswers) {
  auto error = [] { return Error(Code::kNotFound).because("no-such-study"); };
  for (const Handler& handler : {Handler([&](Context&, Request&) { return error(); }),
                                 Handler([&](Context&, Request&) -> Result<void> { return fail(error()); }),
                                 Handler([&](Context&, Request&) -> Result<Pong> { return fail(error()); }),
                                 Handler([&](Context&, Request&) -> Result<Response> { return fail(error()); })}) {
    Response response = answer(handler);
    EXPECT_EQ(response.status, 404);
    EXPECT_TRUE(response.body.contains("no-such-study")) << response.body;
    EXPECT_EQ(response.cause, error());
  }
  Response problem = answer([](Context&, Request&) { return Problem{.status = 422, .code = "odd"}; });
  EXPECT_EQ(problem.status, 422);
}

TEST(Handler, TakesWhatAResultHolds) {
  EXPECT_EQ(answer([](Context&, Request&) -> Result<Pong> { return Pong{"x"}; }).body, R"({"message":"x"})");
  EXPECT_EQ(answer([](Context&, Request&) -> Result<Response> { return Response::text("y"); }).body, "y");
  EXPECT_EQ(answer([](Context&, Request&) -> Result<Problem> { return Problem{.status = 409, .code = "z"}; }).status, 409);
}

TEST(Chain, HasItsFirstMiddlewareOutermost) {
  auto named = [](std::string name) -> Middleware {
    return [name](Handler next) -> Handler {
      return [name, next](Context& ctx, Request& request) {
        Response response = next(ctx, request);
        response.body = name + "(" + response.body + ")";
        return response;
      };
    };
  };
  Handler handler = [](Context&, Request&) { return Response::text("h"); };
  EXPECT_EQ(answer(wrap({named("a"), named("b")}, handler)).body, "a(b(h))");
  EXPECT_EQ(answer(wrap({}, handler)).body, "h");
  EXPECT_EQ(answer(combine({named("a"), combine({named("b"), named("c")})})(handler)).body, "a(b(c(h)))");
}

}  // namespace
}  // namespace sluice::http
