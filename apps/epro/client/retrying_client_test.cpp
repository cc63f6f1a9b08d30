// SPDX-License-Identifier: MIT
#include <apps/epro/client/retrying_client.hpp>

#include <chrono>
#include <functional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/fiber_test.hpp>

#include <apps/epro/client/fake_server_test.hpp>

namespace epro {
namespace {

using namespace std::chrono_literals;
using sluice::Code;
using sluice::Context;
using sluice::Duration;
using sluice::Instant;
using sluice::in_virtual_time;
using sluice::http::Request;
using sluice::http::Response;

Request post() { return Request("POST", "/", "the same bytes"); }

// A client, the server that it asks, and how the server behaves at the n-th request (from 0).
struct Pair {
  using Behaviour = std::function<Response(Context&, std::size_t)>;

  Pair(Context& ctx, Behaviour behave, RetryOptions options = {})
      : behaviour(std::move(behave)),
        server(ctx, [this](Context& own, Request& request) { return serve(own, request); }),
        client("test", server.dialer(), sluice::runtime_clock()),
        sender(client, sluice::runtime_clock(), options) {}

  Response serve(Context& ctx, Request& request) {
    arrivals.push_back(sluice::runtime_clock().now());
    EXPECT_TRUE(request.read_body(ctx, 1024));
    EXPECT_EQ(request.body(), "the same bytes");
    most_at_once = std::max(most_at_once, ++at_once);
    Response response = behaviour(ctx, arrivals.size() - 1);
    --at_once;
    return response;
  }

  Behaviour behaviour;
  std::vector<Instant> arrivals;
  std::size_t at_once = 0;
  std::size_t most_at_once = 0;
  FakeServer server;
  sluice::http::Client client;
  RetryingClient sender;
};

Response refusal(int status, const char* retry_after = nullptr) {
  Response response = Response::empty(status);
  if (retry_after != nullptr) response.headers.add("Retry-After", retry_after);
  return response;
}

TEST(RetryingClient, RepeatsTheSameRequestUntilAnAnswerSettlesIt) {
  for (int status : {408, 429, 500, 502, 503, 504}) {
    in_virtual_time([&](Context& ctx) {
      Pair pair(ctx, [&](Context&, std::size_t n) { return n < 3 ? refusal(status) : Response::empty(202); });
      Outcome outcome = pair.sender.send(ctx, post());
      ASSERT_TRUE(outcome.answer) << status;
      EXPECT_EQ(outcome.answer->status, 202);
      EXPECT_EQ(outcome.retries, 3u);
      EXPECT_EQ(pair.arrivals.size(), 4u);
    });
  }
}

TEST(RetryingClient, ARefusalThatRepeatingDoesNotMendIsFinal) {
  for (int status : {200, 202, 400, 401, 403, 404, 409, 413, 415, 421, 422}) {
    in_virtual_time([&](Context& ctx) {
      Pair pair(ctx, [&](Context&, std::size_t) { return refusal(status); });
      Outcome outcome = pair.sender.send(ctx, post());
      ASSERT_TRUE(outcome.answer);
      EXPECT_EQ(outcome.answer->status, status);
      EXPECT_EQ(outcome.retries, 0u);
    });
  }
}

TEST(RetryingClient, ComesBackNotBeforeRetryAfterAndSpreadOut) {
  std::set<Duration> waits;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    in_virtual_time([&](Context& ctx) {
      Pair pair(ctx, [](Context&, std::size_t n) { return n == 0 ? refusal(503, "7") : Response::empty(202); },
                {.seed = seed});
      EXPECT_EQ(pair.sender.send(ctx, post()).retries, 1u);
      ASSERT_EQ(pair.arrivals.size(), 2u);
      Duration wait = pair.arrivals[1] - pair.arrivals[0];
      EXPECT_GE(wait, 7s);
      EXPECT_LE(wait, 10500ms);
      waits.insert(wait);
    });
  }
  EXPECT_GT(waits.size(), 15u);
}

TEST(RetryingClient, ARetryAfterThatIsNoneOrTooLongDoesNotRule) {
  for (const char* value : {"soon", "", "-1", "0", "7.5", "99999999999999999999"}) {
    in_virtual_time([&](Context& ctx) {
      Pair pair(ctx, [&](Context&, std::size_t n) { return n == 0 ? refusal(503, value) : Response::empty(202); });
      EXPECT_EQ(pair.sender.send(ctx, post()).retries, 1u);
      EXPECT_LE(pair.arrivals[1] - pair.arrivals[0], 100ms) << value;
    });
  }
  in_virtual_time([&](Context& ctx) {
    Pair pair(ctx, [](Context&, std::size_t n) { return n == 0 ? refusal(503, "86400") : Response::empty(202); });
    EXPECT_EQ(pair.sender.send(ctx, post()).retries, 1u);
    EXPECT_LE(pair.arrivals[1] - pair.arrivals[0], 90s);
  });
}

TEST(RetryingClient, BacksOffLongerEachTimeUpToABound) {
  in_virtual_time([](Context& ctx) {
    Pair pair(ctx, [](Context&, std::size_t n) { return n < 12 ? refusal(503) : Response::empty(202); });
    EXPECT_EQ(pair.sender.send(ctx, post()).retries, 12u);
    Duration most = 100ms;
    for (std::size_t i = 1; i < pair.arrivals.size(); ++i) {
      Duration wait = pair.arrivals[i] - pair.arrivals[i - 1];
      EXPECT_GE(wait, most / 2) << i;
      EXPECT_LE(wait, most) << i;
      most = std::min<Duration>(most * 2, 5s);
    }
  });
}

TEST(RetryingClient, AConnectionThatBreaksBeforeTheAnswerIsTriedAgain) {
  in_virtual_time([](Context& ctx) {
    Pair pair(ctx, [](Context&, std::size_t n) { return n == 0 ? FakeServer::broken_off() : Response::empty(202); });
    Outcome outcome = pair.sender.send(ctx, post());
    ASSERT_TRUE(outcome.answer) << outcome.answer.error().describe();
    EXPECT_EQ(outcome.answer->status, 202);
    EXPECT_EQ(outcome.retries, 1u);
    EXPECT_EQ(pair.server.connections(), 2u);
  });
}

TEST(RetryingClient, AServerThatCannotBeReachedIsTriedAgain) {
  in_virtual_time([](Context& ctx) {
    FakeServer server(ctx, [](Context&, Request&) { return Response::empty(202); });
    int refusals = 2;
    sluice::http::Client client(
        "test",
        [&, dial = server.dialer()](Context& own) -> sluice::Result<std::unique_ptr<sluice::net::Stream>> {
          if (refusals-- > 0) return sluice::fail(Code::kUnavailable, "connect: connection refused");
          return dial(own);
        },
        sluice::runtime_clock());
    RetryingClient sender(client, sluice::runtime_clock(), {});
    EXPECT_EQ(sender.send(ctx, post()).retries, 2u);
  });
}

TEST(RetryingClient, AnAnswerThatIsTooLateIsAskedForAgainOnAnotherConnection) {
  in_virtual_time([](Context& ctx) {
    Pair pair(ctx, [](Context& own, std::size_t n) {
      if (n == 0) static_cast<void>(sluice::sleep(own, 11s));
      return Response::empty(200);
    });
    Outcome outcome = pair.sender.send(ctx, post());
    ASSERT_TRUE(outcome.answer);
    EXPECT_EQ(outcome.retries, 1u);
    EXPECT_EQ(pair.server.connections(), 2u);
    EXPECT_LE(pair.arrivals[1] - pair.arrivals[0], 10s + 100ms);
  });
}

TEST(RetryingClient, GivesUpWhenItsPatienceEnds) {
  in_virtual_time([](Context& ctx) {
    Pair pair(ctx, [](Context&, std::size_t) { return refusal(503); }, {.patience = 20s});
    Instant start = sluice::runtime_clock().now();
    Outcome outcome = pair.sender.send(ctx, post());
    ASSERT_FALSE(outcome.answer);
    EXPECT_EQ(outcome.answer.error().code(), Code::kUnavailable);
    EXPECT_EQ(outcome.answer.error().reason(), "gave-up");
    EXPECT_GT(outcome.retries, 3u);
    EXPECT_LE(sluice::runtime_clock().now() - start, 20s);
  });
}

TEST(RetryingClient, EndsWithItsContext) {
  in_virtual_time([](Context& ctx) {
    Pair pair(ctx, [](Context&, std::size_t) { return refusal(503, "30"); });
    Context brief{ctx, 1s};
    Outcome outcome = pair.sender.send(brief, post());
    ASSERT_FALSE(outcome.answer);
    EXPECT_EQ(outcome.answer.error().code(), Code::kDeadlineExceeded);
    EXPECT_NE(outcome.answer.error().reason(), "gave-up");
  });
}

TEST(RetryingClient, BoundsTheRequestsUnderWay) {
  in_virtual_time([](Context& ctx) {
    Pair pair(ctx,
              [](Context& own, std::size_t) {
                static_cast<void>(sluice::sleep(own, 10ms));
                return Response::empty(202);
              },
              {.connections = 3});
    sluice::TaskGroup group(ctx);
    for (int i = 0; i < 30; ++i)
      group.go([&](Context& own) { EXPECT_TRUE(pair.sender.send(own, post()).answer); });
    ASSERT_TRUE(group.wait());
    EXPECT_EQ(pair.most_at_once, 3u);
    EXPECT_EQ(pair.server.connections(), 3u);
  });
}

}  // namespace
}  // namespace epro
