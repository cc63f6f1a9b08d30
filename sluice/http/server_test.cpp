// SPDX-License-Identifier: MIT
#include <sluice/http/server.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/http/client.hpp>
#include <sluice/http/http_test.hpp>
#include <sluice/net/tcp.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

Response tell_target(Context&, const Request& request) { return Response::text(std::string(request.target())); }

// A server on a listener in memory, served on a fiber.
class RunningServer {
 public:
  RunningServer(Context& ctx, Handler handler, ServerOptions options = {})
      : ctx_(ctx), stop_(ctx), group_(ctx) {
    auto listener = std::make_unique<MemoryListener>();
    listener_ = listener.get();
    server_.emplace(std::move(listener), options, std::move(handler),
                    ServerParts{runtime_clock(), telemetry.metrics, telemetry.log});
    group_.go([this](Context&) { outcome_ = server_->serve(stop_); });
  }
  ~RunningServer() { stop_.cancel(); }

  std::unique_ptr<net::Stream> connect() { return listener_->connect(); }
  std::string ask(net::Stream& stream, std::string_view bytes = kGet) {
    EXPECT_TRUE(stream.write(ctx_, as_bytes(bytes)));
    let_all_park(ctx_);
    return take_arrived(stream);
  }
  MemoryListener& listener() { return *listener_; }
  void stop() { stop_.cancel(); }
  /// What serve() returned; nothing while it serves.
  std::optional<Result<void>> outcome() {
    let_all_park(ctx_);
    return outcome_;
  }

  Telemetry telemetry;

 private:
  Context& ctx_;
  Context stop_;
  MemoryListener* listener_ = nullptr;
  std::optional<Server> server_;
  std::optional<Result<void>> outcome_;
  TaskGroup group_;
};

TEST(Server, ServesManyConnectionsAtOnce) {
  in_virtual_time([](Context& ctx) {
    RunningServer server(ctx, tell_target);
    std::vector<std::unique_ptr<net::Stream>> clients;
    for (int i = 0; i < 200; ++i) clients.push_back(server.connect());
    for (int round = 0; round < 2; ++round) {
      for (auto& client : clients) EXPECT_EQ(parse_replies(server.ask(*client)).size(), 1U);
    }
    std::string page = server.telemetry.page();
    EXPECT_TRUE(page.contains("\nhttp_server_connections 200\n")) << page;
    EXPECT_TRUE(page.contains("\nhttp_server_connections_total 200\n")) << page;
    clients.clear();
    let_all_park(ctx);
    EXPECT_TRUE(server.telemetry.page().contains("\nhttp_server_connections 0\n"));
  });
}

TEST(Server, TurnsAwayWhomItHasNoRoomForUntilSomebodyLeaves) {
  in_virtual_time([](Context& ctx) {
    RunningServer server(ctx, tell_target, {.connections_max = 2});
    auto first = server.connect(), second = server.connect(), third = server.connect();
    EXPECT_EQ(parse_replies(server.ask(*first)).at(0).status, 200);
    EXPECT_EQ(parse_replies(server.ask(*second)).at(0).status, 200);
    auto turned_away = parse_replies(take_arrived(*third));
    ASSERT_EQ(turned_away.size(), 1U);
    EXPECT_EQ(turned_away[0].status, 503);
    EXPECT_TRUE(turned_away[0].closes);
    EXPECT_TRUE(server.telemetry.page().contains("http_server_refused_total{reason=\"too-many-connections\"} 1"));
    EXPECT_TRUE(server.telemetry.lines().contains("too-many-connections"));
    first.reset();
    let_all_park(ctx);
    auto fourth = server.connect();
    EXPECT_EQ(parse_replies(server.ask(*fourth)).at(0).status, 200);
  });
}

TEST(Server, BoundsTheBodiesOfAllConnectionsTogether) {
  in_virtual_time([](Context& ctx) {
    auto take_body = [](Context& own, Request& request) -> Result<void> { return request.read_body(own, 1 << 20); };
    RunningServer server(ctx, take_body, {.body_memory_max = 10'000});
    const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n";
    auto first = server.connect(), second = server.connect();
    EXPECT_EQ(server.ask(*first, head + std::string(12'000, 'x')), "");
    auto refused = parse_replies(server.ask(*second, head + std::string(12'000, 'x')));
    ASSERT_EQ(refused.size(), 1U);
    EXPECT_EQ(refused[0].status, 503);
    EXPECT_TRUE(server.telemetry.page().contains("http_server_refused_total{reason=\"body-budget\"} 1"));
  });
}

TEST(Server, ClosesAFloodThatItCannotEvenTurnAway) {
  in_virtual_time([](Context& ctx) {
    RunningServer server(ctx, tell_target, {.connections_max = 1});
    std::vector<std::unique_ptr<net::Stream>> clients;
    for (int i = 0; i < 200; ++i) clients.push_back(server.connect());
    let_all_park(ctx);
    std::size_t told = 0, closed = 0;
    for (auto& client : clients) {
      told += take_arrived(*client).empty() ? 0 : 1;
      closed += client->peer_has_gone() ? 1 : 0;
    }
    EXPECT_EQ(told, 64U);
    EXPECT_EQ(closed, 199U);
    EXPECT_EQ(parse_replies(server.ask(*clients[0])).size(), 1U);  // who was there first is served
  });
}

TEST(Server, CountsAndLogsWhatItsConnectionsRefuse) {
  in_virtual_time([](Context& ctx) {
    RunningServer server(ctx, tell_target);
    for (int i = 0; i < 3; ++i) {
      auto client = server.connect();
      server.ask(*client, "GET / HTTP/1.1\r\nHost: h\r\nHost: P001\r\n\r\n");
    }
    EXPECT_TRUE(server.telemetry.page().contains("http_server_refused_total{reason=\"duplicate-host\"} 3"));
    std::string lines = server.telemetry.lines();
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1) << lines;  // one a second
    EXPECT_TRUE(lines.contains("\"field\":\"host\"")) << lines;
    EXPECT_FALSE(lines.contains("P001")) << lines;
  });
}

// ---- the end ----

TEST(Server, ClosesTheIdleAndFinishesRequestsUnderWayWhenItStops) {
  in_virtual_time([](Context& ctx) {
    RunningServer server(ctx, [](Context& own, const Request&) -> Result<Response> {
      SLUICE_TRY(sleep(own, 3s));
      return Response::text("done");
    });
    auto idle = server.connect(), busy = server.connect();
    server.ask(*busy);
    server.stop();
    EXPECT_FALSE(server.outcome());
    EXPECT_TRUE(idle->peer_has_gone());
    EXPECT_TRUE(sleep(ctx, 3s));
    auto replies = parse_replies(take_arrived(*busy));
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].body, "done");
    EXPECT_TRUE(replies[0].closes);
    ASSERT_TRUE(server.outcome());
    EXPECT_TRUE(server.outcome()->has_value());
  });
}

TEST(Server, ClosesAThousandIdleOnesWithoutWaitingWhenItStops) {
  in_virtual_time([](Context& ctx) {
    RunningServer server(ctx, tell_target);
    std::vector<std::unique_ptr<net::Stream>> clients;
    for (int i = 0; i < 1'000; ++i) clients.push_back(server.connect());
    for (int i = 0; i < 500; ++i) server.ask(*clients[static_cast<std::size_t>(i)]);
    Instant before = runtime_clock().now();
    server.stop();
    ASSERT_TRUE(server.outcome());
    EXPECT_EQ(runtime_clock().now() - before, Duration(1));  // that is let_all_park's
    for (auto& client : clients) EXPECT_TRUE(client->peer_has_gone());
    EXPECT_TRUE(server.telemetry.page().contains("\nhttp_server_connections 0\n"));
  });
}

TEST(Server, CountsTheIdleAmongThoseForWhomThereIsRoom) {
  in_virtual_time([](Context& ctx) {
    RunningServer server(ctx, tell_target, {.connections_max = 1, .h1 = {.idle_time = 75s}});
    auto idle = server.connect(), refused = server.connect();
    EXPECT_EQ(parse_replies(server.ask(*refused)).at(0).status, 503);
    EXPECT_TRUE(sleep(ctx, 75s));
    let_all_park(ctx);
    EXPECT_TRUE(idle->peer_has_gone());
    auto next = server.connect();
    EXPECT_EQ(parse_replies(server.ask(*next)).at(0).status, 200);
  });
}

TEST(Server, CancelsWhatIsNotFinishedWhenTheTimeToDrainIsOver) {
  in_virtual_time([](Context& ctx) {
    std::optional<Error> seen;
    RunningServer server(
        ctx,
        [&](Context& own, const Request&) -> Result<void> {
          auto slept = sleep(own, 1h);
          seen = slept.error();
          return slept;
        },
        {.drain_time = 5s});
    auto client = server.connect();
    server.ask(*client);
    server.stop();
    EXPECT_TRUE(sleep(ctx, 5s - Duration(2)));
    EXPECT_FALSE(server.outcome());
    EXPECT_FALSE(seen);
    EXPECT_TRUE(sleep(ctx, Duration(2)));
    EXPECT_TRUE(server.outcome());
    EXPECT_EQ(seen->reason(), "stopping");
    EXPECT_EQ(parse_replies(take_arrived(*client)).at(0).status, 503);
  });
}

TEST(Server, DoesNotWaitForAClientThatSendsHalfAHeadLongerThanTheDrain) {
  in_virtual_time([](Context& ctx) {
    RunningServer server(ctx, tell_target, {.drain_time = 1s});
    auto client = server.connect();
    server.ask(*client, "GET / HT");
    server.stop();
    EXPECT_TRUE(sleep(ctx, 1s));
    EXPECT_TRUE(server.outcome());
  });
}

TEST(Server, ReportsAListenerThatFails) {
  in_virtual_time([](Context& ctx) {
    RunningServer server(ctx, tell_target);
    auto client = server.connect();
    server.ask(*client);
    server.listener().break_down();
    auto outcome = server.outcome();
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->error().code(), Code::kUnavailable);
    EXPECT_TRUE(client->peer_has_gone());
  });
}

// ---- over real sockets, on several processors ----

TEST(Server, AnswersManyClientsOverTcpAndStops) {
  on_few_and_many_processors([](Context& ctx) {
    Telemetry telemetry;
    auto listener = net::listen(*net::Address::from_ip("127.0.0.1", 0));
    ASSERT_TRUE(listener) << listener.error().describe();
    auto echo = [](Context& own, Request& request) -> Result<Response> {
      SLUICE_TRY(request.read_body(own, 1 << 20));
      return Response::text(std::string(request.body()));
    };
    Server server(*std::move(listener), {}, echo, {runtime_clock(), telemetry.metrics, telemetry.log});
    Context stop(ctx);
    Client client(net::HostPort{"127.0.0.1", server.address().port}, runtime_clock());
    std::atomic<int> answered{0};
    TaskGroup serving(ctx);
    serving.go([&](Context&) { return server.serve(stop); });
    {
      TaskGroup asking(ctx);
      for (int fiber = 0; fiber < 16; ++fiber) {
        asking.go([&, fiber](Context& own) -> Result<void> {
          for (int i = 0; i < kManyTimes / 1000; ++i) {
            const std::string body(static_cast<std::size_t>(fiber * 1000 + i), 'x');
            SLUICE_TRY(auto response, client.send(own, Request("POST", "/", body)));
            EXPECT_EQ(response.body.size(), body.size());
            ++answered;
          }
          return {};
        });
      }
      auto asked = asking.wait();
      EXPECT_TRUE(asked) << asked.error().describe();
    }
    EXPECT_EQ(answered, 16 * (kManyTimes / 1000));
    stop.cancel();
    EXPECT_TRUE(serving.wait());
  });
}

}  // namespace
}  // namespace sluice::http
