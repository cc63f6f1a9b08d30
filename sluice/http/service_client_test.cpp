// SPDX-License-Identifier: MIT
#include <sluice/http/service_client.hpp>

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/http/http_test.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

// A service that answers with these statuses, one after the other, and then with 200; 0 is no answer.
class Service {
 public:
  explicit Service(std::deque<int> statuses) : statuses_(std::move(statuses)) {}

  ServiceClient::Send sender() {
    return [this](Context&, const Request&) -> Result<Response> {
      ++asked;
      asked_at.push_back(runtime_clock().now());
      int status = 200;
      if (!statuses_.empty()) {
        status = statuses_.front();
        statuses_.pop_front();
      }
      if (status == 0) return fail(Error(Code::kUnavailable).because("connection-lost"));
      Response response = Response::empty(status);
      if (retry_after) response.headers.add("Retry-After", *retry_after);
      return response;
    };
  }

  int asked = 0;
  std::vector<Instant> asked_at;
  std::optional<std::string> retry_after;

 private:
  std::deque<int> statuses_;
};

int status_of(const Result<Response>& outcome) { return outcome ? outcome->status : 0; }

const Request kGet("GET", "/drugs/42");
const Request kPost("POST", "/drugs");

TEST(ServiceClient, TriesAgainWhatMayPassLater) {
  for (int status : {0, 429, 502, 503, 504}) {
    SCOPED_TRACE(status);
    in_virtual_time([status](Context& ctx) {
      Telemetry telemetry;
      Service service({status, status});
      ServiceClient client("drugs", service.sender(), runtime_clock(), telemetry.metrics);
      EXPECT_EQ(status_of(client.send(ctx, kGet)), 200);
      EXPECT_EQ(service.asked, 3);
      EXPECT_TRUE(telemetry.page().contains("httpc_client_retries_total{name=\"drugs\"} 2"));
      EXPECT_TRUE(telemetry.page().contains("httpc_client_requests_duration_ms_count{name=\"drugs\",method=\"GET\",url=\"\"} 3"));
      EXPECT_TRUE(telemetry.page().contains("httpc_client_requests_code_total{name=\"drugs\",method=\"GET\",url=\"\",code=\"200\"} 1"));
    });
  }
}

TEST(ServiceClient, TakesEveryOtherAnswerForWhatItIs) {
  for (int status : {200, 204, 302, 400, 401, 404, 409, 500, 501}) {
    SCOPED_TRACE(status);
    in_virtual_time([status](Context& ctx) {
      Telemetry telemetry;
      Service service({status});
      ServiceClient client("drugs", service.sender(), runtime_clock(), telemetry.metrics);
      EXPECT_EQ(status_of(client.send(ctx, kGet)), status);
      EXPECT_EQ(service.asked, 1);
    });
  }
}

TEST(ServiceClient, RepeatsNothingThatMightBeDoneTwice) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Service service({503, 503, 503, 503});
    ServiceClient plain("drugs", service.sender(), runtime_clock(), telemetry.metrics);
    EXPECT_EQ(status_of(plain.send(ctx, kPost)), 503);
    EXPECT_EQ(service.asked, 1);
    Request keyed("POST", "/drugs");
    keyed.headers().add("Idempotency-Key", "7");
    EXPECT_EQ(status_of(plain.send(ctx, keyed)), 503);
    EXPECT_EQ(service.asked, 2);
    ServiceClient trusting("drugs", service.sender(), runtime_clock(), telemetry.metrics, {.trusts_idempotency_keys = true});
    EXPECT_EQ(status_of(trusting.send(ctx, keyed)), 200);
    EXPECT_EQ(service.asked, 5);
  });
}

TEST(ServiceClient, GivesUpAfterSoManyAttempts) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Service service({503, 502, 503, 503});
    ServiceClient client("drugs", service.sender(), runtime_clock(), telemetry.metrics);
    EXPECT_EQ(status_of(client.send(ctx, kGet)), 503) << "the last answer";
    EXPECT_EQ(service.asked, 3);
  });
}

TEST(ServiceClient, ComesBackWhenItWasToldTo) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Service service({503});
    service.retry_after = "30";
    ServiceClient client("drugs", service.sender(), runtime_clock(), telemetry.metrics);
    EXPECT_EQ(status_of(client.send(ctx, kGet)), 200);
    ASSERT_EQ(service.asked, 2);
    EXPECT_GE(service.asked_at[1] - service.asked_at[0], 30s);
    EXPECT_LE(service.asked_at[1] - service.asked_at[0], 30s + 50ms);
  });
}

TEST(ServiceClient, DoesNotWaitForWhatComesTooLate) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Service service({503});
    service.retry_after = "30";
    ServiceClient client("drugs", service.sender(), runtime_clock(), telemetry.metrics);
    Context limited(ctx, 29s);
    Instant began = runtime_clock().now();
    EXPECT_EQ(status_of(client.send(limited, kGet)), 503);
    EXPECT_EQ(runtime_clock().now(), began);
    EXPECT_EQ(service.asked, 1);
  });
}

TEST(ServiceClient, EndsItsWaitWithTheContext) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Service service({503});
    service.retry_after = "30";
    ServiceClient client("drugs", service.sender(), runtime_clock(), telemetry.metrics);
    Context own(ctx);
    TaskGroup group(ctx);
    group.go([&](Context& other) -> Result<void> {
      SLUICE_TRY(sleep(other, 1s));
      own.cancel();
      return {};
    });
    auto outcome = client.send(own, kGet);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code(), Code::kCancelled);
    EXPECT_EQ(service.asked, 1);
  });
}

// Half a second of an outage, 1,000 calls of which each would like to make two more.
TEST(ServiceClient, SendsATenthMoreInAnOutageAndThenLittleAtAll) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    Service service(std::deque<int>(100'000, 503));
    ServiceClient client("drugs", service.sender(), runtime_clock(), telemetry.metrics,
                         {.backoff = {.first = 1ns, .longest = 1ns}, .seed = 1});
    for (int i = 0; i < 1000; ++i) {
      static_cast<void>(client.send(ctx, kGet));
      ASSERT_TRUE(sleep(ctx, 500us));
    }
    EXPECT_LT(service.asked, 100) << "the breaker is open";
    std::string page = telemetry.page();
    EXPECT_TRUE(page.contains("httpc_client_refused_total{name=\"drugs\",reason=\"breaker-open\"}"));
    EXPECT_TRUE(page.contains("httpc_client_refused_total{name=\"drugs\",reason=\"retry-budget\"}"));
    auto outcome = client.send(ctx, kGet);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().reason(), "breaker-open");
  });
}

TEST(ServiceClient, AsksOnceForAnAnswerThatItCannotUse) {
  const std::pair<Code, const char*> table[] = {{Code::kResourceExhausted, "too-large"}, {Code::kUnavailable, "bad-response"}};
  for (auto [code, reason] : table) {
    SCOPED_TRACE(reason);
    in_virtual_time([code = code, reason = reason](Context& ctx) {
      Telemetry telemetry;
      int asked = 0;
      auto send = [&](Context&, const Request&) -> Result<Response> {
        ++asked;
        return fail(Error(code).because(reason));
      };
      ServiceClient client("drugs", send, runtime_clock(), telemetry.metrics);
      auto outcome = client.send(ctx, kGet);
      ASSERT_FALSE(outcome);
      EXPECT_EQ(outcome.error().reason(), reason);
      EXPECT_EQ(asked, 1);
    });
  }
}

TEST(ServiceClient, DoesNotBlameTheServiceForOurLimit) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    int asked = 0;
    auto send = [&](Context&, const Request&) -> Result<Response> {
      ++asked;
      return fail(Error(Code::kResourceExhausted).because("too-large"));
    };
    ServiceClient client("drugs", send, runtime_clock(), telemetry.metrics);
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(client.send(ctx, kGet));
    EXPECT_EQ(asked, 100) << "the breaker is shut";
  });
}

TEST(ServiceClient, HoldsACallersLeavingAgainstNobody) {
  in_virtual_time([](Context& ctx) {
    Telemetry telemetry;
    int asked = 0;
    ServiceClient client("drugs",
                         [&](Context& own, const Request&) -> Result<Response> {
                           ++asked;
                           return fail(std::move(own.check()).error());
                         },
                         runtime_clock(), telemetry.metrics);
    for (int i = 0; i < 100; ++i) {
      Context gone(ctx);
      gone.cancel();
      EXPECT_FALSE(client.send(gone, kGet));
    }
    EXPECT_EQ(asked, 100) << "the breaker is shut";
  });
}

}  // namespace
}  // namespace sluice::http
