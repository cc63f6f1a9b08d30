// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/shedding.hpp>

#include <chrono>

#include <gtest/gtest.h>

#include <sluice/governance/shedder.hpp>
#include <sluice/http/http_test.hpp>
#include <sluice/runtime/task_group.hpp>

namespace sluice::http::middleware {
namespace {

using namespace std::chrono_literals;

// Requests that take 20 ms each on a machine as busy as `cpu` says.
class BusyMachine {
 public:
  explicit BusyMachine(Context& ctx)
      : ctx_(ctx),
        shedder_(runtime_clock().now(), 900, [this] { return cpu; }),
        handler_(shedding(shedder_, telemetry.metrics, telemetry.log, runtime_clock())(
            [this](Context& own, const Request&) -> Result<Response> {
              SLUICE_TRY(sleep(own, 20ms));
              return Response::empty(status);
            })) {}

  Response ask(Context& ctx) {
    Request request("GET", "/");
    return handler_(ctx, request);
  }
  // `at_once` of them, again and again for a second; how many were refused.
  int crowd(int at_once) {
    int refused = 0;
    TaskGroup group(ctx_);
    for (int i = 0; i < at_once; ++i)
      group.go([&](Context& own) {
        for (Instant end = runtime_clock().now() + 1s; runtime_clock().now() < end;) {
          if (ask(own).status != 503) continue;
          ++refused;
          static_cast<void>(sleep(own, 20ms));
        }
      });
    static_cast<void>(group.wait());
    return refused;
  }

  int cpu = 0;
  int status = 200;
  Telemetry telemetry;
  [[nodiscard]] std::int64_t flying() const { return shedder_.flying(); }

 private:
  Context& ctx_;
  governance::Shedder shedder_;
  Handler handler_;
};

TEST(Shedding, RefusesNobodyWhileTheMachineIsNotBusy) {
  in_virtual_time([](Context& ctx) {
    BusyMachine machine(ctx);
    EXPECT_EQ(machine.crowd(100), 0);
  });
}

TEST(Shedding, RefusesWhatIsMoreThanItHasCarried) {
  in_virtual_time([](Context& ctx) {
    BusyMachine machine(ctx);
    machine.crowd(10);
    machine.cpu = 950;
    EXPECT_GT(machine.crowd(100), 1'000) << "of some five thousand";
    EXPECT_EQ(machine.flying(), 0) << "all have landed";
    EXPECT_TRUE(machine.telemetry.page().contains("http_server_refused_total{reason=\"shedding\"}"));
    EXPECT_TRUE(machine.telemetry.lines().contains("\"reason\":\"shedding\""));
    machine.cpu = 0;
    ASSERT_TRUE(sleep(ctx, 1s));
    EXPECT_EQ(machine.crowd(10), 0) << "over";
  });
}

TEST(Shedding, LandsWhatWasRefusedFurtherInAndWhatThrew) {
  in_virtual_time([](Context& ctx) {
    BusyMachine machine(ctx);
    machine.status = 503;
    machine.ask(ctx);
    EXPECT_EQ(machine.flying(), 0);

    governance::Shedder shedder(runtime_clock().now(), 900, [] { return 0; });
    Telemetry telemetry;
    Handler thrower = shedding(shedder, telemetry.metrics, telemetry.log, runtime_clock())(
        [](Context&, const Request&) -> Response { throw 1; });
    Request request("GET", "/");
    EXPECT_THROW(thrower(ctx, request), int);
    EXPECT_EQ(shedder.flying(), 0);
  });
}

}  // namespace
}  // namespace sluice::http::middleware
