// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/queue_delay.hpp>

#include <chrono>

#include <gtest/gtest.h>

#include <sluice/governance/queue_delay.hpp>
#include <sluice/http/http_test.hpp>

namespace sluice::http::middleware {
namespace {

using namespace std::chrono_literals;

class QueueDelayOfRequests {
 public:
  // A request that has waited so long.
  Response ask(Context& ctx, Duration waited) {
    Request request("GET", "/");
    request.set_times(runtime_clock().now() - waited, {});
    return handler_(ctx, request);
  }

  governance::QueueDelay delay{{.target = 5ms, .interval = 100ms}};
  Telemetry telemetry;

 private:
  Handler handler_ = queue_delay(delay, telemetry.metrics, telemetry.log, runtime_clock())(
      [](Context&, const Request&) { return Response::text("fine"); });
};

TEST(QueueDelayOfRequests, RefusesWhoWaitedTooLongWhileAllDo) {
  in_virtual_time([](Context& ctx) {
    QueueDelayOfRequests queue;
    for (int i = 0; i < 12; ++i) {
      EXPECT_EQ(queue.ask(ctx, 50ms).status, 200);
      ASSERT_TRUE(sleep(ctx, 9ms));
    }
    Response refused = queue.ask(ctx, 50ms);
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.headers.find("retry-after"), "1");
    EXPECT_TRUE(refused.is_shed);
    EXPECT_TRUE(refused.body.contains("\"code\":\"queue-delay\"")) << refused.body;
    EXPECT_TRUE(queue.telemetry.page().contains("http_server_refused_total{reason=\"queue-delay\"} 1"));
    EXPECT_EQ(queue.ask(ctx, 1ms).status, 200) << "who has just come is served";
  });
}

TEST(QueueDelayOfRequests, SaysNothingOfARequestMadeByHand) {
  in_virtual_time([](Context& ctx) {
    QueueDelayOfRequests queue;
    for (int i = 0; i < 12; ++i) {
      static_cast<void>(queue.ask(ctx, 50ms));
      ASSERT_TRUE(sleep(ctx, 9ms));
    }
    static_cast<void>(queue.ask(ctx, 50ms));
    ASSERT_TRUE(queue.delay.is_overloaded());
    Request request("GET", "/");
    Telemetry telemetry;
    Handler handler = queue_delay(queue.delay, telemetry.metrics, telemetry.log, runtime_clock())(
        [](Context&, const Request&) { return Response::text("fine"); });
    EXPECT_EQ(handler(ctx, request).status, 200);
  });
}

// ---- what a connection says of when its requests arrived ----

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

class Arrivals {
 public:
  Handler handler() {
    return [this](Context&, const Request& request) { waited.push_back(runtime_clock().now() - request.arrived()); };
  }
  std::vector<Duration> waited;
};

TEST(Arrived, CountsFromTheMomentAtWhichAnIdleConnectionWasWoken) {
  in_virtual_time([](Context& ctx) {
    Arrivals arrivals;
    Conversation talk(ctx, arrivals.handler());
    talk.wait(10s);
    talk.ask(kGet);
    talk.wait(10s);
    talk.ask(kGet);
    EXPECT_EQ(arrivals.waited, (std::vector<Duration>{0s, 0s})) << "an idle connection is not one that waits";
  });
}

TEST(Arrived, DoesNotCountASlowClient) {
  in_virtual_time([](Context& ctx) {
    Arrivals arrivals;
    Conversation talk(ctx, arrivals.handler());
    talk.say(kGet.substr(0, 10));
    talk.wait(5s);
    talk.ask(kGet.substr(10));
    EXPECT_EQ(arrivals.waited, (std::vector<Duration>{0s}));
  });
}

TEST(Arrived, CountsTheTurnsOfThoseBeforeItInTheSamePacket) {
  in_virtual_time([](Context& ctx) {
    std::vector<Duration> waited;
    Conversation talk(ctx, [&](Context& own, const Request& request) -> Result<void> {
      waited.push_back(runtime_clock().now() - request.arrived());
      return sleep(own, 1s);
    });
    talk.say(std::string(kGet) + std::string(kGet));
    talk.wait(3s);
    EXPECT_EQ(waited, (std::vector<Duration>{0s, 1s}));
  });
}

}  // namespace
}  // namespace sluice::http::middleware
