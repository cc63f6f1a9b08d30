// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/recover.hpp>

#include <chrono>
#include <stdexcept>

#include <gtest/gtest.h>

#include <sluice/http/http_test.hpp>
#include <sluice/http/middleware/timeout.hpp>

namespace sluice::http::middleware {
namespace {

using namespace std::chrono_literals;

Response serve(Telemetry& telemetry, Handler handler) {
  Context ctx;
  Request request("GET", "/");
  return recover(telemetry.log)(std::move(handler))(ctx, request);
}

TEST(Recover, TurnsAnExceptionIntoA500) {
  in_virtual_time([](Context&) {
    Telemetry telemetry;
    Response response = serve(telemetry, [](Context&, const Request&) -> Response {
      throw std::out_of_range("patient P001 at 72");
    });
    EXPECT_EQ(response.status, 500);
    EXPECT_FALSE(response.body.contains("P001")) << response.body;
    std::string lines = telemetry.lines();
    EXPECT_TRUE(lines.contains("std::out_of_range")) << lines;
    EXPECT_FALSE(lines.contains("P001")) << lines;  // what an exception says may be somebody's data
  });
}

TEST(Recover, TakesWhateverIsThrown) {
  in_virtual_time([](Context&) {
    Telemetry telemetry;
    EXPECT_EQ(serve(telemetry, [](Context&, const Request&) -> Response { throw 7; }).status, 500);
    EXPECT_TRUE(telemetry.lines().contains("the handler threw int"));
  });
}

TEST(Recover, LeavesAnswersAlone) {
  in_virtual_time([](Context&) {
    Telemetry telemetry;
    EXPECT_EQ(serve(telemetry, [](Context&, const Request&) { return Response::text("fine"); }).body, "fine");
    EXPECT_EQ(telemetry.lines(), "");
  });
}

TEST(Recover, CostsTheConnectionNothing) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Handler handler = [](Context& own, const Request& request) -> Response {
      EXPECT_TRUE(sleep(own, 1ms));
      if (request.target() == "/bad") throw std::runtime_error("bad");
      return Response::text("good");
    };
    Conversation talk(ctx, wrap({timeout(3s, runtime_clock(), telemetry.log), recover(telemetry.log)}, handler));
    talk.say("GET /bad HTTP/1.1\r\nHost: h\r\n\r\nGET /good HTTP/1.1\r\nHost: h\r\n\r\n");
    talk.wait(1s);
    auto replies = talk.replies();
    ASSERT_EQ(replies.size(), 2U);
    EXPECT_EQ(replies[0].status, 500);
    EXPECT_EQ(replies[1].body, "good");
  });
}

}  // namespace
}  // namespace sluice::http::middleware
