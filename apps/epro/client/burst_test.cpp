// SPDX-License-Identifier: MIT
#include <apps/epro/client/burst.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>
#include <sluice/runtime/fiber_test.hpp>
#include <sluice/schema/json_writer.hpp>

#include <apps/epro/client/burst_report.hpp>
#include <apps/epro/client/fake_server_test.hpp>
#include <apps/epro/client/files_test.hpp>
#include <apps/epro/record/envelope.hpp>

namespace epro {
namespace {

using namespace std::chrono_literals;
using sluice::Context;
using sluice::in_virtual_time;
using sluice::Result;
using sluice::http::Request;
using sluice::http::Response;

const DiaryRun kRun("test", sluice::WallTime(1'772'478'000s));

// Keeps what it acknowledges by id, as a server does, and can be told to do otherwise.
class Intake {
 public:
  Response operator()(Context& ctx, Request& request) {
    EXPECT_EQ(request.target(), "/v1/studies/BURST/submissions");
    EXPECT_EQ(request.headers().find("content-type"), "application/json");
    EXPECT_TRUE(request.read_body(ctx, kEnvelopeBytesMax));
    auto envelope = parse_envelope(sluice::as_bytes(request.body()));
    EXPECT_TRUE(envelope);
    if (!envelope) return Response::empty(400);
    std::size_t attempt = attempts[envelope->submission_id]++;
    if (auto instead = before ? before(ctx, attempt) : std::nullopt) return std::move(*instead);
    auto [kept, is_new] = payloads.try_emplace(envelope->submission_id, request.body());
    EXPECT_EQ(kept->second, request.body()) << "the same id with other bytes";
    if (auto instead = after ? after(attempt) : std::nullopt) return std::move(*instead);
    return Response::json_text(
        R"({"receiptId":"r_)" + envelope->submission_id.text() + R"(","disposition":"accepted"})", is_new ? 202 : 200);
  }

  std::function<std::optional<Response>(Context&, std::size_t attempt)> before;  // answers in place of keeping
  std::function<std::optional<Response>(std::size_t attempt)> after;             // answers otherwise after keeping
  std::map<Uuid, std::string> payloads;
  std::map<Uuid, std::size_t> attempts;
};

struct Rig {
  Rig(Context& ctx, RetryOptions retry = {})
      : server(ctx, [this](Context& own, Request& request) { return intake(own, request); }),
        client("test", server.dialer(), sluice::runtime_clock()),
        sender(client, sluice::runtime_clock(), retry),
        ledger(Ledger::create(ctx, folder.path() / "ledger", {std::string(kBurstStudy), kRun.device_prefix()})),
        progress(ctx, "test", 1, sluice::runtime_clock(), false) {}

  Result<BurstResult> run(Context& ctx, std::size_t patients, sluice::Duration within = 1s) {
    EXPECT_TRUE(ledger) << ledger.error().describe();
    BurstParts parts{sender, **ledger, sluice::runtime_clock(), progress};
    return run_burst(ctx, parts, kRun, {.patients = patients, .within = within, .seed = 1});
  }
  LedgerContent read_back(Context& ctx) {
    auto content = read_ledger(ctx, folder.path() / "ledger");
    EXPECT_TRUE(content) << content.error().describe();
    return content ? std::move(*content) : LedgerContent{};
  }

  ScratchFolder folder;
  Intake intake;
  FakeServer server;
  sluice::http::Client client;
  RetryingClient sender;
  Result<std::unique_ptr<Ledger>> ledger;
  Progress progress;
};

TEST(Burst, EveryPatientsReportArrivesOnceAndStandsInTheLedger) {
  in_virtual_time([](Context& ctx) {
    Rig rig(ctx);
    auto result = rig.run(ctx, 200);
    ASSERT_TRUE(result) << result.error().describe();
    EXPECT_EQ(result->acknowledged, 200u);
    EXPECT_TRUE(all_acknowledged(*result));
    EXPECT_EQ(result->replayed, 0u);
    EXPECT_EQ(result->retries, 0u);
    EXPECT_EQ(result->latency.count(), 200u);
    EXPECT_LE(result->elapsed, 1s);
    EXPECT_GT(result->elapsed, 900ms);
    EXPECT_EQ(rig.intake.payloads.size(), 200u);
    LedgerContent content = rig.read_back(ctx);
    ASSERT_EQ(content.entries.size(), 200u);
    for (const auto& [id, entry] : content.entries) {
      EXPECT_EQ(entry.status, 202);
      EXPECT_EQ(entry.receipt_id, "r_" + id.text());
      EXPECT_EQ(entry.payload_sha256, sluice::sha256(sluice::as_bytes(rig.intake.payloads.at(id))));
    }
  });
}

TEST(Burst, AfterARefusalTheSameReportComesAgain) {
  in_virtual_time([](Context& ctx) {
    Rig rig(ctx);
    rig.intake.before = [](Context&, std::size_t attempt) {
      return attempt == 0 ? std::optional(Response::empty(429)) : std::nullopt;
    };
    auto result = rig.run(ctx, 50);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->acknowledged, 50u);
    EXPECT_EQ(result->retries, 50u);
    EXPECT_EQ(rig.intake.payloads.size(), 50u);
  });
}

TEST(Burst, WhenTheAnswerIsLostTheSameIdComesAgainAndIsKnown) {
  in_virtual_time([](Context& ctx) {
    Rig rig(ctx);
    rig.intake.after = [](std::size_t attempt) {
      return attempt == 0 ? std::optional(FakeServer::broken_off()) : std::nullopt;
    };
    auto result = rig.run(ctx, 50);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->acknowledged, 50u);
    EXPECT_EQ(result->replayed, 50u);
    EXPECT_EQ(rig.intake.payloads.size(), 50u);
    EXPECT_EQ(rig.read_back(ctx).entries.size(), 50u);
  });
}

TEST(Burst, WhatIsRefusedAndWhatIsGivenUpIsCountedApart) {
  in_virtual_time([](Context& ctx) {
    Rig rig(ctx, {.patience = 5s});
    std::size_t requests = 0;
    rig.intake.before = [&](Context&, std::size_t attempt) -> std::optional<Response> {
      if (attempt > 0) return Response::empty(503);  // only those come again that got a 503
      switch (requests++ % 4) {
        case 0: return Response::empty(403);
        case 1: return Response::empty(503);
        case 2: return Response::text("thank you", 202);  // no receipt
        default: return std::nullopt;
      }
    };
    auto result = rig.run(ctx, 40);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->acknowledged, 10u);
    EXPECT_EQ(result->refused, (std::map<int, std::uint64_t>{{403, 10}}));
    EXPECT_EQ(result->gave_up, 20u);
    EXPECT_FALSE(all_acknowledged(*result));
    std::map<int, int> by_status;
    for (const auto& [id, entry] : rig.read_back(ctx).entries) ++by_status[entry.status];
    EXPECT_EQ(by_status, (std::map<int, int>{{0, 20}, {202, 10}, {403, 10}}));
  });
}

TEST(Burst, TheTimeThatAReportWaitsForItsTurnCounts) {
  in_virtual_time([](Context& ctx) {
    Rig rig(ctx, {.connections = 1});
    // One at a time, each 100 ms: of 20 that come within a millisecond the last one waits for 2 s.
    rig.intake.before = [](Context& own, std::size_t) -> std::optional<Response> {
      static_cast<void>(sluice::sleep(own, 100ms));
      return std::nullopt;
    };
    auto result = rig.run(ctx, 20, 1ms);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->acknowledged, 20u);
    EXPECT_GE(result->latency.max(), 1999ms);
    EXPECT_NEAR(std::chrono::duration<double>(result->latency.percentile(50)).count(), 1.0, 0.01);
  });
}

TEST(Burst, EndsWithItsContext) {
  in_virtual_time([](Context& ctx) {
    Rig rig(ctx);
    Context brief{ctx, 500ms};
    auto result = rig.run(brief, 100);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), sluice::Code::kDeadlineExceeded);
    EXPECT_EQ(rig.read_back(ctx).entries.size(), 100u) << "the intents were written before";
  });
}

TEST(BurstReport, SaysTheSameToPeopleAndMachines) {
  BurstResult result;
  result.acknowledged = 500;
  result.quarantined = 3;
  result.replayed = 1;
  result.refused = {{403, 2}, {409, 1}};
  result.gave_up = 4;
  result.retries = 9;
  for (int i = 0; i < 500; ++i) result.latency.record(2ms);
  result.elapsed = 1s;
  EXPECT_EQ(describe(result),
            "acknowledged  500  of these quarantined: 3  known already: 1\n"
            "refused       3  (403 Forbidden: 2, 409 Conflict: 1)\n"
            "gave up       4\n"
            "retries       9\n"
            "latency       p50 2.0 ms  p99 2.0 ms  p99.9 2.0 ms  max 2.0 ms\n"
            "throughput    500.0 acknowledged per second\n");
  EXPECT_EQ(sluice::schema::to_text(to_json(result)),
            R"({"acknowledged":500,"quarantined":3,"replayed":1,"refused":{"403":2,"409":1},"gaveUp":4,"retries":9,)"
            R"("latencyUs":{"p50":2000,"p99":2000,"p99.9":2000,"max":2000},"elapsedMs":1000,"perSecond":500})");
}

}  // namespace
}  // namespace epro
