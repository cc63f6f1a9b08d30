// SPDX-License-Identifier: MIT
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "epro_process.hpp"
#include "report.hpp"
#include "stored_reports.hpp"

namespace sluice::e2e {
namespace {

class Epro : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(epro_.is_running()); }
  std::string post(std::string_view path, std::string_view body) { return ask(epro_.port(), "POST", path, body); }
  std::string get(std::string_view path) { return ask(epro_.port(), "GET", path); }

  ScratchFolder folder_;
  EproProcess epro_{folder_.path()};
};

TEST_F(Epro, PingLetsABurstOfFiveThroughAndSaysWhenToComeAgain) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(body_of(get("/ping")), R"({"message":"pong"})");
  std::string refused;
  // Two a second refill it: of many in a row one is refused, however slow this machine is.
  for (int i = 0; i < 1000 && status_of(refused) != 429; ++i) refused = get("/ping");
  EXPECT_EQ(status_of(refused), 429);
  EXPECT_NE(refused.find("Retry-After: 1\r\n"), refused.npos) << refused;
}

TEST_F(Epro, DataProcessAnswersPerItemInRequestOrder) {
  std::string answer = post("/data/process", R"({"dataList":[{"patientId":"P001","heartRate":72},{"patientId":"P002","heartRate":80}]})");
  EXPECT_EQ(status_of(answer), 200) << answer;
  EXPECT_EQ(member(body_of(answer), "message"), "Processed 2 data entries");
  EXPECT_LT(body_of(answer).find("P001"), body_of(answer).find("P002"));
  EXPECT_EQ(member(body_of(post("/data/process", R"({"dataList":[]})")), "message"), "No data to process");
  EXPECT_EQ(status_of(post("/data/process", R"({"dataList":[{"patientId":"P001","heartRate":"fast"}]})")), 400);
}

TEST_F(Epro, AReplayGetsTheSameReceiptAndAnotherContentAConflict) {
  std::string first = post(kSubmissions, diary(1));
  EXPECT_EQ(status_of(first), 202) << first;
  EXPECT_EQ(member(body_of(first), "disposition"), "accepted");
  EXPECT_EQ(member(body_of(first), "submissionId"), submission_id(1));
  std::string second = post(kSubmissions, diary(1));
  EXPECT_EQ(status_of(second), 200);
  EXPECT_EQ(body_of(second), body_of(first));
  std::string other = post(kSubmissions, diary(1, 9));
  EXPECT_EQ(status_of(other), 409);
  EXPECT_EQ(member(body_of(other), "code"), "submission-id-reused");
}

TEST_F(Epro, AReceiptIsFoundByItsIdAndByTheSubmissionsId) {
  std::string receipt = member(body_of(post(kSubmissions, diary(1))), "receiptId");
  for (const std::string& id : {receipt, submission_id(1)}) {
    std::string answer = get("/v1/studies/DEMO/receipts/" + id);
    EXPECT_EQ(status_of(answer), 200) << id;
    EXPECT_EQ(member(body_of(answer), "receiptId"), receipt);
  }
  EXPECT_EQ(status_of(get("/v1/studies/DEMO/receipts/" + submission_id(2))), 404);
}

TEST_F(Epro, VitalsAreJudgedItemByItem) {
  std::string body = R"({"batchId":"11111111-1111-4111-8111-111111111111","items":[)"
      R"({"id":"11111111-1111-4111-8111-000000000001","patientId":"00000000-0000-4000-8000-000000900001","effectiveAt":"2026-03-02T20:00:00+01:00","heartRate":72},)"
      R"({"id":"11111111-1111-4111-8111-000000000002","patientId":"00000000-0000-4000-8000-000000900001","effectiveAt":"2026-03-02T20:00:00+01:00","spo2":140},)"
      R"("CANARY"]})";
  std::string answer = post(kVitals, body);
  EXPECT_EQ(status_of(answer), 200) << answer;
  std::string_view items = body_of(answer);
  auto created = items.find(R"("result":"created")"), quarantined = items.find(R"("result":"quarantined")"),
       invalid = items.find(R"("result":"invalid")");
  ASSERT_TRUE(created != items.npos && quarantined != items.npos && invalid != items.npos) << items;
  EXPECT_LT(created, quarantined);
  EXPECT_LT(quarantined, invalid);
  EXPECT_EQ(items.find("CANARY"), items.npos);
  std::string again = post(kVitals, body);
  EXPECT_NE(body_of(again).find(R"("result":"duplicate")"), answer.npos) << again;
  EXPECT_EQ(body_of(again).find(R"("result":"created")"), again.npos) << again;
}

TEST_F(Epro, TheAdminPortTellsHealthReadinessAndMetrics) {
  post(kSubmissions, diary(1));
  EXPECT_EQ(body_of(ask(epro_.admin_port(), "GET", "/healthz")), "OK");
  EXPECT_EQ(status_of(ask(epro_.admin_port(), "GET", "/readyz")), 200);
  std::string metrics = ask(epro_.admin_port(), "GET", "/metrics");
  EXPECT_NE(metrics.find("http_server_requests_code_total"), metrics.npos);
  EXPECT_EQ(status_of(get("/metrics")), 404) << "not on the patients' port";
}

// Whatever a patient says, or a client puts where it can, is in no log line, no metric and no answer but its own receipt.
TEST_F(Epro, NothingThatWasSentIsInLogsMetricsOrErrors) {
  const std::string canary = "CANARY-7731";
  auto with = [&](std::string text, const std::string& from, const std::string& to) {
    auto at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    return text.replace(at, from.size(), to);
  };
  const std::string good = diary(1);
  const std::vector<std::pair<std::string, std::string>> requests = {
      {"POST", with(good, R"("items":[)", R"("items":[{"linkId":"note","value":")" + canary + R"("},)")},
      {"POST", with(diary(2), "phone-1", canary)},
      {"POST", with(diary(3), R"("originator":"patient")", R"("originator":")" + canary + "\"")},
      {"POST", with(diary(4), R"("linkId":"pain")", R"("linkId":")" + canary + "\"")},
      {"POST", canary},
      {"POST", "[\"" + canary + "\"]"},
      {canary, good},
  };
  std::string answers;
  for (const auto& [method, body] : requests) answers += ask(epro_.port(), method, kSubmissions, body);
  answers += get("/v1/" + canary) + get("/ping?" + canary + "=" + canary) + get("/v1/studies/" + canary + "/receipts/" + canary);
  answers += post(kVitals, R"([{"id":")" + canary + R"(","heartRate":")" + canary + "\"}]");
  answers += post("/data/process", R"({"dataList":[{"patientId":"P1","heartRate":")" + canary + "\"}]}");
  EXPECT_EQ(answers.find("CANARY"), answers.npos) << answers;
  std::string metrics = ask(epro_.admin_port(), "GET", "/metrics");
  EXPECT_EQ(metrics.find("CANARY"), metrics.npos) << metrics;
  EXPECT_EQ(epro_.terminate(), 0);
  EXPECT_NE(epro_.log().find("[HTTP] 202 - POST /v1/studies/:study/submissions"), std::string::npos) << epro_.log();
  EXPECT_EQ(epro_.log().find("CANARY"), std::string::npos) << epro_.log();
}

TEST_F(Epro, SigtermDrainsIntoTheDatabaseAndEndsWithZero) {
  for (std::uint64_t number = 0; number < 100; ++number)
    ASSERT_EQ(status_of(post(kSubmissions, diary(number))), 202);
  auto database = epro_.database();
  EXPECT_EQ(epro_.terminate(), 0);
  EXPECT_EQ(stored_reports(database).size(), 100u);
}

TEST_F(Epro, ABurstFromTheCommandLineIsVerifiedAgainstTheDatabase) {
  Finished burst = run_epro({"burst", "--patients", "500", "--within", "1s", "--url", epro_.url(), "--ledger",
                             (folder_.path() / "ledger").string(), "--json", "--verify", epro_.database().string()});
  EXPECT_EQ(burst.status, 0) << burst.output;
  EXPECT_NE(burst.output.find("\"acknowledged\":500"), burst.output.npos) << burst.output;
}

}  // namespace
}  // namespace sluice::e2e
