// SPDX-License-Identifier: MIT
#include <apps/epro/client/replay.hpp>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/runtime/fiber_test.hpp>
#include <sluice/schema/json_reader.hpp>
#include <sluice/schema/json_writer.hpp>

#include <apps/epro/client/fake_server_test.hpp>
#include <apps/epro/client/publish.hpp>
#include <apps/epro/client/replay_report.hpp>
#include <apps/epro/client/files_test.hpp>
#include <apps/epro/client/vs_file.hpp>
#include <apps/epro/record/study_json.hpp>
#include <apps/epro/record/vitals_item.hpp>

namespace epro {
namespace {

using namespace std::chrono_literals;
using sluice::Code;
using sluice::Context;
using sluice::in_virtual_time;
using sluice::Result;
using sluice::http::Request;
using sluice::http::Response;
using sluice::schema::Json;

std::string row(int seq, const std::string& value = "72") {
  return "PILOT,S" + std::to_string(seq % 3) + "," + std::to_string(seq) + ",PULSE," + value + ",BEATS/MIN,2013-12-26\n";
}

std::string rows(int count) {
  std::string text = "STUDYID,USUBJID,VSSEQ,VSTESTCD,VSORRES,VSORRESU,VSDTC\n";
  for (int seq = 1; seq <= count; ++seq) text += row(seq);
  return text;
}

// Keeps items by id, as the intake does.
class Intake {
 public:
  Response operator()(Context& ctx, Request& request) {
    EXPECT_EQ(request.target(), "/v1/studies/PILOT/vitals:batch");
    EXPECT_TRUE(request.read_body(ctx, 4 << 20));
    if (refuse_with != 0) return Response::empty(refuse_with);
    auto batch = sluice::schema::parse_json(request.body());
    EXPECT_TRUE(batch);
    batch_ids.push_back(batch->find("batchId")->text());
    Json results = Json::array();
    for (const Json& json : batch->find("items")->items())
      results.push(Json::object().add("result", Json::string(take(json))));
    batch_sizes.push_back(results.items().size());
    return Response::json_text(sluice::schema::to_text(Json::object().add("items", std::move(results))));
  }

  std::string take(const Json& json) {
    auto item = read_vitals_item(json);
    EXPECT_TRUE(item) << item.error().describe();
    EXPECT_EQ(item->patient_id, patient_id_of("PILOT", "S" + std::to_string(item->sdtm->seq % 3)));
    auto [kept, is_new] = items.try_emplace(item->id, item->canonical);
    if (is_new) return "created";
    return kept->second == item->canonical ? "duplicate" : "conflict";
  }

  int refuse_with = 0;
  std::map<Uuid, std::string> items;
  std::vector<std::string> batch_ids;
  std::vector<std::size_t> batch_sizes;
};

class Rig {
 public:
  explicit Rig(Context& ctx)
      : server(ctx, [this](Context& own, Request& request) { return intake(own, request); }),
        client("test", server.dialer(), sluice::runtime_clock()),
        sender(client, sluice::runtime_clock(), {.patience = 10s}),
        progress(ctx, "test", 1, sluice::runtime_clock(), false) {}

  Result<ReplayResult> replay(Context& ctx, const std::string& text, ReplayOptions options = {}) {
    write_file(folder.path() / "vs.csv", text);
    return run_replay(ctx, sender, progress, folder.path() / "vs.csv", options);
  }

  ScratchFolder folder;
  Intake intake;
  FakeServer server;
  sluice::http::Client client;
  RetryingClient sender;
  Progress progress;
};

TEST(Replay, PostsEveryRowOnceInBatches) {
  in_virtual_time([](Context& ctx) {
    Rig rig(ctx);
    auto result = rig.replay(ctx, rows(250), {.batch = 100});
    ASSERT_TRUE(result) << result.error().describe();
    EXPECT_TRUE(result->is_complete());
    EXPECT_EQ(result->items.created, 250u);
    EXPECT_EQ(rig.intake.items.size(), 250u);
    EXPECT_EQ(std::multiset<std::size_t>(rig.intake.batch_sizes.begin(), rig.intake.batch_sizes.end()),
              (std::multiset<std::size_t>{50, 100, 100}));
  });
}

TEST(Replay, ASecondOneIsKnownAlreadyWithTheSameBatchIds) {
  in_virtual_time([](Context& ctx) {
    Rig rig(ctx);
    ASSERT_TRUE(rig.replay(ctx, rows(30), {.batch = 10}));
    auto again = rig.replay(ctx, rows(30), {.batch = 10});
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->is_complete());
    EXPECT_EQ(again->items, (ItemCounts{.duplicate = 30}));
    ASSERT_EQ(rig.intake.batch_ids.size(), 6u);
    EXPECT_EQ(std::set<std::string>(rig.intake.batch_ids.begin(), rig.intake.batch_ids.end()).size(), 3u);
  });
}

TEST(Replay, ARowThatChangedIsAConflict) {
  in_virtual_time([](Context& ctx) {
    Rig rig(ctx);
    ASSERT_TRUE(rig.replay(ctx, rows(3)));
    auto again = rig.replay(ctx, rows(2) + row(3, "73"));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->items, (ItemCounts{.duplicate = 2, .conflict = 1}));
    EXPECT_FALSE(again->is_complete());
    EXPECT_EQ(again->complaints, std::vector<std::string>{"rows 1 to 3: some are in conflict or invalid"});
  });
}

TEST(Replay, ARowThatIsNoMeasurementIsNamedWithoutItsValueAndHoldsNobodyUp) {
  in_virtual_time([](Context& ctx) {
    Rig rig(ctx);
    auto result = rig.replay(ctx, rows(2) + row(3, "CANARY") + "PILOT,S1\n" + row(5));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->items, (ItemCounts{.created = 3, .invalid = 2}));
    EXPECT_EQ(result->rows(), 5u);
    ASSERT_EQ(result->complaints.size(), 2u);
    EXPECT_TRUE(result->complaints[0].starts_with("row 3: VSORRES")) << result->complaints[0];
    EXPECT_TRUE(result->complaints[1].starts_with("row 4: ")) << result->complaints[1];
    EXPECT_FALSE(describe(*result).contains("CANARY"));
  });
}

TEST(Replay, ComplaintsAreBounded) {
  in_virtual_time([](Context& ctx) {
    Rig rig(ctx);
    std::string text = rows(0);
    for (int seq = 1; seq <= 30; ++seq) text += row(seq, "?");
    auto result = rig.replay(ctx, text);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->items.invalid, 30u);
    EXPECT_EQ(result->complaints.size(), kComplaintsMax);
  });
}

TEST(Replay, ABatchThatIsRefusedCountsItsRows) {
  in_virtual_time([](Context& ctx) {
    Rig rig(ctx);
    rig.intake.refuse_with = 403;
    auto result = rig.replay(ctx, rows(15), {.batch = 10});
    ASSERT_TRUE(result);
    EXPECT_EQ(result->refused, 15u);
    EXPECT_FALSE(result->is_complete());
  });
}

TEST(Replay, EndsWithAnErrorWhenTheServerStaysAway) {
  in_virtual_time([](Context& ctx) {
    Rig rig(ctx);
    rig.intake.refuse_with = 503;
    auto result = rig.replay(ctx, rows(50), {.batch = 10});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().reason(), "gave-up");
  });
}

TEST(Replay, AFileThatIsDamagedFurtherOnIsAnErrorAfterWhatCameBefore) {
  in_virtual_time([](Context& ctx) {
    Rig rig(ctx);
    auto result = rig.replay(ctx, rows(20) + "\"", {.batch = 10});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().reason(), "bad-csv");
  });
}

TEST(ReplayReport, IsOneStableLine) {
  ReplayResult result;
  result.items = {.created = 29'640, .duplicate = 1, .conflict = 0, .invalid = 1, .quarantined = 1};
  EXPECT_EQ(describe(result),
            "29643 rows: 29640 created, 1 duplicate (\"already known\"), 0 conflict, 1 invalid, 1 quarantined\n");
  EXPECT_EQ(sluice::schema::to_text(to_json(result)),
            R"({"rows":29643,"created":29640,"duplicate":1,"conflict":0,"invalid":1,"quarantined":1,"refused":0,)"
            R"("retries":0})");
  result.refused = 7;
  result.complaints = {"row 3: VSORRES: is wrong"};
  EXPECT_TRUE(describe(result).ends_with("7 rows were in batches that the server refused\nrow 3: VSORRES: is wrong\n"));
}

TEST(PublishStudy, PutsTheCanonicalTextAndReadsWhatChanged) {
  in_virtual_time([](Context& ctx) {
    Study study;
    study.oid = study.title = "PILOT";
    study.region = "local";
    study.sites = {{"1", "DE", "UTC"}};
    int status = 200;
    FakeServer server(ctx, [&](Context& own, Request& request) {
      EXPECT_EQ(request.method(), "PUT");
      EXPECT_EQ(request.target(), "/v1/studies/PILOT");
      EXPECT_TRUE(request.read_body(own, 1 << 20));
      EXPECT_EQ(request.body(), canonical_text(study));
      if (status != 200) return Response::json_text(R"({"code":"study-has-data","pointer":"/patients"})", status);
      return Response::json_text(R"({"study":"PILOT","revision":2,"changes":["sites: 1 added"]})");
    });
    sluice::http::Client client("test", server.dialer(), sluice::runtime_clock());
    RetryingClient sender(client, sluice::runtime_clock(), {});
    auto published = publish_study(ctx, sender, study);
    ASSERT_TRUE(published) << published.error().describe();
    EXPECT_EQ(published->revision, 2u);
    EXPECT_EQ(published->changes, std::vector<std::string>{"sites: 1 added"});
    status = 409;
    auto in_use = publish_study(ctx, sender, study);
    ASSERT_FALSE(in_use);
    EXPECT_EQ(in_use.error().reason(), "study-in-use");
    EXPECT_EQ(in_use.error().field(), "/patients");
    status = 400;
    EXPECT_EQ(publish_study(ctx, sender, study).error().reason(), "refused");
  });
}

}  // namespace
}  // namespace epro
