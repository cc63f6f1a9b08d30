// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/timeout.hpp>

#include <chrono>

#include <gtest/gtest.h>

#include <sluice/http/http_test.hpp>

namespace sluice::http::middleware {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
// As long as `timeout` waits for a handler that has been cancelled.
constexpr Duration kLeaveTime = 5ms;

// Waits without looking at its context.
void ignore_everybody_for(Duration length) {
  Context deaf;
  EXPECT_TRUE(sleep(deaf, length));
}

TEST(Timeout, PassesOnAnAnswerThatComesInTime) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Conversation talk(ctx, timeout(3s, runtime_clock(), telemetry.log)([](Context& own, const Request&) -> Result<Response> {
                        SLUICE_TRY(sleep(own, 2999ms));
                        return Response::text("in time");
                      }));
    talk.say(kGet);
    talk.wait(3s);
    auto replies = talk.replies();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].body, "in time");
    EXPECT_EQ(talk.writes_so_far(), 1);
  });
}

TEST(Timeout, AnswersAtTheLimitAndGoesOnIfTheHandlerHeedsItsContext) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Error seen(Code::kUnknown);
    Conversation talk(ctx, timeout(3s, runtime_clock(), telemetry.log)([&](Context& own, const Request&) -> Result<void> {
                        auto slept = sleep(own, 1h);
                        seen = slept.error();
                        return slept;
                      }));
    talk.say(kGet);
    talk.wait(3s - Duration(2));
    EXPECT_EQ(talk.hear(), "");
    talk.wait(Duration(2));
    auto replies = talk.replies();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].status, 503);
    EXPECT_EQ(replies[0].headers.find("retry-after"), "1");
    EXPECT_TRUE(replies[0].body.contains("\"code\":\"timeout\"")) << replies[0].body;
    EXPECT_FALSE(replies[0].closes);
    EXPECT_EQ(seen.code(), Code::kDeadlineExceeded);
    EXPECT_EQ(telemetry.lines(), "");
  });
}

TEST(Timeout, KeepsALateAnswerThatIsTrue) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Conversation talk(ctx, timeout(3s, runtime_clock(), telemetry.log)([](Context&, const Request&) {
                        ignore_everybody_for(3s + kLeaveTime / 2);
                        return Response::text("stored", status::kCreated);
                      }));
    talk.say(kGet);
    talk.wait(4s);
    EXPECT_EQ(talk.replies().at(0).status, 201);
  });
}

TEST(Timeout, AnswersInTimeForAHandlerThatIgnoresItAndWaitsForItBeforeAnythingIsUsedAgain) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    std::string read_late;
    auto stubborn = [&](Context&, const Request& request) {
      ignore_everybody_for(60s);
      read_late = request.target();  // still the same request
      return Response::text("too late");
    };
    Conversation talk(ctx, timeout(3s, runtime_clock(), telemetry.log)(stubborn));
    talk.say(kGet);
    talk.say("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
    talk.wait(3s + kLeaveTime);
    auto replies = talk.replies();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].status, 503);
    EXPECT_TRUE(replies[0].closes);
    EXPECT_FALSE(talk.is_over());
    EXPECT_TRUE(telemetry.lines().contains("a handler goes on although its context has ended"));
    talk.end_input();
    talk.wait(60s);
    EXPECT_EQ(read_late, "/");
    EXPECT_EQ(talk.hear(), "");  // neither a second answer nor one to the next request
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(Timeout, CancelsTheHandlerOfAClientThatHasGone) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Error seen(Code::kUnknown);
    int status = 0;
    auto patient = timeout(1h, runtime_clock(), telemetry.log)([&](Context& own, const Request&) -> Result<void> {
      auto slept = sleep(own, 1h);
      seen = slept.error();
      return slept;
    });
    Conversation talk(ctx, [&](Context& own, Request& request) {
      Response response = patient(own, request);
      status = response.status;
      return response;
    });
    talk.say(kGet);
    talk.wait(1s);
    EXPECT_EQ(status, 0);
    talk.hang_up();
    talk.wait(101ms);
    EXPECT_EQ(seen.reason(), "client-gone");
    EXPECT_EQ(status, status::kClientClosedRequest);
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(Timeout, LetsNobodyReadABodyOnTheHandlersFiber) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    auto read = [](Context& own, Request& request) { return request.read_body(own, 100); };
    Conversation talk(ctx, timeout(3s, runtime_clock(), telemetry.log)(read));
    EXPECT_EQ(talk.ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody").status, 500);
    EXPECT_EQ(talk.ask(kGet).status, 200);  // where there is none, none is missing
  });
}

TEST(Timeout, TakesAClientThatEndsItsDirectionForOneThatHasGone) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Conversation talk(ctx, timeout(1h, runtime_clock(), telemetry.log)([](Context& own, const Request&) {
                        return sleep(own, 1min);
                      }));
    talk.say(kGet);
    talk.end_input();
    talk.wait(1s);
    EXPECT_EQ(talk.replies().at(0).status, status::kClientClosedRequest);
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(Timeout, SendsEarlierRepliesWhileAHandlerTakesItsTime) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Conversation talk(ctx, timeout(1h, runtime_clock(), telemetry.log)([](Context& own, const Request& request) {
                        if (request.target() == "/slow") static_cast<void>(sleep(own, 1min));
                        return Response::text(std::string(request.target()));
                      }));
    talk.say(std::string(kGet) + "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    talk.wait(100ms);
    EXPECT_EQ(talk.replies().size(), 1U);
    talk.wait(1min);
    EXPECT_EQ(talk.replies().at(0).body, "/slow");
  });
}

TEST(Timeout, DoesNotCallAHandlerWhoseRequestHasEndedAlready) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    bool was_called = false;
    auto handler = timeout(3s, runtime_clock(), telemetry.log)([&](Context&, const Request&) { was_called = true; });
    Context ended(ctx);
    ended.cancel(Error(Code::kUnavailable).because("stopping"));
    Request request("GET", "/");
    Instant before = runtime_clock().now();
    Response response = handler(ended, request);
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.cause->reason(), "stopping");
    EXPECT_FALSE(was_called);
    EXPECT_EQ(runtime_clock().now(), before);  // nobody was waited for
    EXPECT_EQ(telemetry.lines(), "");
  });
}

TEST(Timeout, EndsWithTheDeadlineOfItsCallerIfThatIsSooner) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    auto handler =
        timeout(3s, runtime_clock(), telemetry.log)([](Context& own, const Request&) { return sleep(own, 1h); });
    Context limited(ctx, 1s);
    Request request("GET", "/");
    Instant before = runtime_clock().now();
    EXPECT_EQ(handler(limited, request).status, 503);
    EXPECT_EQ(runtime_clock().now() - before, 1s);
  });
}

TEST(Timeout, SparesWhatMayLastIfItSaysSoExactly) {
  struct Case {
    const char* name;
    const char* value;
    int status;
  };
  const Case table[] = {{"Upgrade", "websocket", 200},           {"Accept", "text/event-stream", 200},
                        {"Upgrade", "WebSocket", 503},           {"Upgrade", "h2c", 503},
                        {"Accept", "text/event-stream, */*", 503}, {"X", "websocket", 503}};
  for (const Case& each : table) {
    SCOPED_TRACE(each.value);
    in_virtual_time([&](Context& ctx) {
      Telemetry telemetry;
      auto handler = timeout(1s, runtime_clock(), telemetry.log)([](Context& own, const Request&) { return sleep(own, 1h); });
      Request request("GET", "/");
      request.headers().add(each.name, each.value);
      EXPECT_EQ(handler(ctx, request).status, each.status);
    });
  }
}

TEST(Timeout, ServesManyAtOnceOnSeveralProcessors) {
  on_few_and_many_processors([](Context& ctx) {
    Telemetry telemetry;
    // Answers that race with the limit: whoever wins, it is one or the other, and nothing is touched afterwards.
    auto handler = timeout(200us, runtime_clock(), telemetry.log)([](Context& own, const Request& request) {
      static_cast<void>(sleep(own, request.body().size() * 1us));
      return Response::text(std::string(request.body()));
    });
    TaskGroup group(ctx);
    for (int fiber = 0; fiber < 8; ++fiber) {
      group.go([&](Context& own) {
        for (std::size_t i = 0; i < kManyTimes / 500; ++i) {
          Request request("POST", "/", std::string(i % 400, 'x'));
          Response response = handler(own, request);
          EXPECT_TRUE(response.status == 503 || response.body.size() == i % 400);
        }
      });
    }
    EXPECT_TRUE(group.wait());
  });
}

}  // namespace
}  // namespace sluice::http::middleware
