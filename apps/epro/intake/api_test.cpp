// SPDX-License-Identifier: MIT
#include <apps/epro/intake/api.hpp>

#include <string>

#include <apps/epro/intake/intake_test.hpp>
#include <apps/epro/record/study_json.hpp>

namespace epro {
namespace {

using sluice::Context;
using sluice::in_virtual_time;
using sluice::http::Request;
using sluice::http::Response;

// DEMO behind the API, with a router's part played by hand.
struct Service : World {
  Service(Context& ctx, const std::filesystem::path& folder, sluice::reservoir::ReservoirOptions options = {})
      : World(ctx, folder, options), api(ctx, *studies, *reservoir, {.node = "node-1", .region = "local", .seed = "seed"}) {
    EXPECT_TRUE(studies->publish(ctx, demo_with_withdrawn()));
  }

  Response call(Context& ctx, Response (Api::*method)(Context&, const Request&), std::string body, std::string study = "DEMO",
                std::string_view type = "application/json") {
    static const Request::Route route{"/v1/studies/:study", {"study"}};
    Request request("POST", "/", std::move(body));
    if (!type.empty()) request.headers().add("content-type", type);
    request.set_route(route, {std::move(study)});
    return (api.*method)(ctx, request);
  }

  Api api;
};

bool says(const Response& response, std::string_view part) { return response.body.find(part) != std::string::npos; }

std::string vitals_item(int number, std::string_view rest = R"("heartRate":72)") {
  return R"({"id":"11111111-1111-4111-8111-0000000)" + std::to_string(10'000 + number) + R"(","patientId":")" + kPatient +
         R"(","effectiveAt":"2026-03-02T20:00:00+01:00",)" + std::string(rest) + "}";
}

TEST(Api, AnswersAReportWithAReceiptAndItsReplayWithTheSame) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Service service(ctx, scratch.path());
    auto first = service.call(ctx, &Api::submit, diary_json());
    EXPECT_EQ(first.status, 202) << first.body;
    auto second = service.call(ctx, &Api::submit, diary_json());
    EXPECT_EQ(second.status, 200);
    EXPECT_EQ(second.body, first.body);
    service.close(ctx);
  });
}

TEST(Api, StrictHandlingIs422WithCodeAndPointer) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Service service(ctx, scratch.path());
    Request request("POST", "/", diary_json(R"([{"linkId":"pain","value":7731}])"));
    request.headers().add("prefer", "respond-async, handling=strict");
    static const Request::Route route{"/v1/studies/:study", {"study"}};
    request.set_route(route, {"DEMO"});
    auto response = service.api.submit(ctx, request);
    EXPECT_EQ(response.status, 422);
    EXPECT_TRUE(says(response, R"("code":"value-not-allowed","pointer":"/items/0/value")")) << response.body;
    EXPECT_FALSE(says(response, "7731"));
    service.close(ctx);
  });
}

TEST(Api, RefusesWhatItCannotReadByNameAndNeverByValue) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Service service(ctx, scratch.path());
    EXPECT_EQ(service.call(ctx, &Api::submit, diary_json(), "DEMO", "text/plain").status, 415);
    EXPECT_EQ(service.call(ctx, &Api::submit, diary_json(), "DEMO", "application/x-ndjson").status, 415);
    EXPECT_EQ(service.call(ctx, &Api::submit, diary_json(), "DEMO", "").status, 202);
    EXPECT_EQ(service.call(ctx, &Api::submit, diary_json(), "NOPE").status, 403);
    auto bad = service.call(ctx, &Api::submit_vitals, R"({"items":7731})");
    EXPECT_EQ(bad.status, 400);
    EXPECT_TRUE(says(bad, R"("pointer":"/items")")) << bad.body;
    EXPECT_FALSE(says(bad, "7731"));
    auto typed = service.call(ctx, &Api::process_data, R"({"dataList":[{"patientId":"P1","heartRate":"7731"}]})");
    EXPECT_EQ(typed.status, 400);
    EXPECT_TRUE(says(typed, "/dataList/0/heartRate")) << typed.body;
    EXPECT_FALSE(says(typed, "7731"));
    EXPECT_EQ(service.call(ctx, &Api::process_data, R"({"dataList":[{"patientId":"","heartRate":1}]})").status, 400);
    service.close(ctx);
  });
}

TEST(Api, TakesABatchInItsThreeForms) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Service service(ctx, scratch.path());
    auto object = service.call(ctx, &Api::submit_vitals, R"({"batchId":"11111111-1111-4111-8111-111111111111","items":[)" +
                                                             vitals_item(1) + "]}");
    EXPECT_TRUE(says(object, R"("result":"created")")) << object.body;
    auto list = service.call(ctx, &Api::submit_vitals, "[" + vitals_item(2) + "," + vitals_item(1) + "]");
    EXPECT_TRUE(says(list, R"("result":"created")") && says(list, R"("result":"duplicate")")) << list.body;
    auto lines = service.call(ctx, &Api::submit_vitals, vitals_item(3) + "\n\n{oops\n" + vitals_item(4), "DEMO",
                              "application/x-ndjson; charset=utf-8");
    EXPECT_EQ(lines.status, 200);
    EXPECT_TRUE(says(lines, R"("result":"invalid","code":"malformed-json")")) << lines.body;
    service.close(ctx);
  });
}

TEST(Api, PreferIsReadAsTheRfcWritesIt) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Service service(ctx, scratch.path());
    auto status_with = [&](std::string_view prefer) {
      Request request("POST", "/", diary_json(R"([{"linkId":"pain","value":11}])"));
      request.headers().add("Prefer", prefer);
      static const Request::Route route{"/v1/studies/:study", {"study"}};
      request.set_route(route, {"DEMO"});
      return service.api.submit(ctx, request).status;
    };
    for (const char* strict : {"handling=strict", "Handling=\"strict\"", "wait=10, handling=strict; x=1"})
      EXPECT_EQ(status_with(strict), 422) << strict;
    EXPECT_EQ(status_with("handling=lenient, x=\"handling=strict\""), 202);
    service.close(ctx);
  });
}

TEST(Api, AnAtomicBatchWithABadItemIs400WithTheList) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Service service(ctx, scratch.path());
    auto send = [&](std::string_view target, const std::string& body) {
      Request request("POST", target, body);
      static const Request::Route route{"/v1/studies/:study", {"study"}};
      request.set_route(route, {"DEMO"});
      return service.api.submit_vitals(ctx, request);
    };
    auto before = service.reservoir->durable();
    auto refused = send("/?mode=atomic", "[" + vitals_item(1) + ",7]");
    EXPECT_EQ(refused.status, 400);
    EXPECT_TRUE(says(refused, R"("code":"batch-refused","items":[{)") && says(refused, R"("result":"invalid")")) << refused.body;
    EXPECT_EQ(service.reservoir->durable(), before);
    EXPECT_EQ(send("/?mode=atomic", "[" + vitals_item(1) + "]").status, 200);
    EXPECT_EQ(send("/?mode=junk", "[" + vitals_item(2) + "]").status, 400);
    service.close(ctx);
  });
}

TEST(Api, ABatchOfTooManyValuesIsRefusedBeforeTheyAreAllRead) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Service service(ctx, scratch.path());
    std::string zeros = "[0";
    for (int i = 0; i < 1'000'000; ++i) zeros += ",0";
    auto response = service.call(ctx, &Api::submit_vitals, zeros + "]");
    EXPECT_EQ(response.status, 413);
    auto depth = service.call(ctx, &Api::submit_vitals, R"([{"CANARY":)" + std::string(50, '[') + std::string(50, ']') + "}]");
    EXPECT_EQ(depth.status, 400);
    EXPECT_FALSE(says(depth, "CANARY")) << depth.body;
    EXPECT_EQ(service.call(ctx, &Api::submit_vitals, R"({"batchId":7,"items":[]})").status, 400);
    service.close(ctx);
  });
}

TEST(Api, AStudyOfAnotherRegionIs421) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Service service(ctx, scratch.path());
    auto study = demo_study();
    study.oid = "MARS";
    study.region = "mars";
    ASSERT_TRUE(service.studies->publish(ctx, study));
    auto response = service.call(ctx, &Api::submit, diary_json(), "MARS");
    EXPECT_EQ(response.status, 421);
    EXPECT_TRUE(says(response, R"("code":"wrong-region")")) << response.body;
    service.close(ctx);
  });
}

TEST(Api, ABatchMayHoldAThousandItemsAndNotOneMore) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Service service(ctx, scratch.path());
    std::string body = "[";
    for (int i = 0; i < 1000; ++i) body += (i ? "," : "") + vitals_item(i);
    EXPECT_EQ(service.call(ctx, &Api::submit_vitals, body + "]").status, 200);
    auto before = service.reservoir->durable();
    auto response = service.call(ctx, &Api::submit_vitals, body + "," + vitals_item(1000) + "]");
    EXPECT_EQ(response.status, 413);
    EXPECT_TRUE(says(response, R"("limit":1000)")) << response.body;
    EXPECT_EQ(service.reservoir->durable(), before) << "nothing was taken";
    service.close(ctx);
  });
}

TEST(Api, DataProcessAnswersEachItemInOrder) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Service service(ctx, scratch.path());
    std::string body = R"({"dataList":[)";
    for (int i = 0; i < 50; ++i) body += (i ? "," : "") + (R"({"patientId":"P)" + std::to_string(i) + R"(","heartRate":72})");
    auto response = service.call(ctx, &Api::process_data, body + "]}");
    EXPECT_EQ(response.status, 200);
    EXPECT_TRUE(says(response, R"("message":"Processed 50 data entries")")) << response.body;
    std::size_t at = 0;
    for (int i = 0; i < 50; ++i) {
      at = response.body.find(R"("patientId":"P)" + std::to_string(i) + "\"", at);
      ASSERT_NE(at, std::string::npos) << i;
    }
    EXPECT_TRUE(says(service.call(ctx, &Api::process_data, R"({"dataList":[]})"), "No data to process"));
    service.close(ctx);
  });
}

TEST(Api, AFullReservoirIs503AndSaysWhenToComeAgain) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Service service(ctx, scratch.path(), {.folder = {}, .bytes_max = 4096, .segment_bytes = 1 << 20});
    Response response;
    for (int i = 0; i < 100 && response.status != 503; ++i)
      response = service.call(ctx, &Api::submit_vitals, "[" + vitals_item(i) + "]");
    EXPECT_EQ(response.status, 503);
    EXPECT_TRUE(says(response, R"("code":"reservoir-full")")) << response.body;
    ASSERT_TRUE(response.headers.find("retry-after"));
    EXPECT_GE(std::stoi(std::string(*response.headers.find("retry-after"))), 1);
    auto article = service.call(ctx, &Api::process_data, R"({"dataList":[{"patientId":"P1","heartRate":1}]})");
    EXPECT_EQ(article.status, 503) << "none of its items was taken";
    service.close(ctx);
  });
}

TEST(Api, PublishesAStudyOnceAndRefusesToShrinkIt) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Service service(ctx, scratch.path());
    auto study = demo_study();
    study.oid = "NEXT";
    auto publish = [&](const Study& each, std::string oid) {
      return service.call(ctx, &Api::publish, canonical_text(each), std::move(oid));
    };
    auto first = publish(study, "NEXT");
    EXPECT_EQ(first.status, 200) << first.body;
    EXPECT_TRUE(says(first, R"("study":"NEXT","revision":1)")) << first.body;
    EXPECT_TRUE(says(publish(study, "NEXT"), R"("changes":[])"));
    study.patients.clear();
    EXPECT_EQ(publish(study, "NEXT").status, 409);
    EXPECT_EQ(publish(study, "OTHER").status, 400);
    EXPECT_EQ(service.call(ctx, &Api::publish, "{", "NEXT").status, 400);
    service.close(ctx);
  });
}

}  // namespace
}  // namespace epro
