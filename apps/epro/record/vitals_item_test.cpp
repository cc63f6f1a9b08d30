// SPDX-License-Identifier: MIT
#include <apps/epro/record/vitals_item.hpp>

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <apps/epro/record/record_test.hpp>

namespace epro {
namespace {

const std::string kHead = R"("id":"11111111-1111-4111-8111-00000000000A","patientId":"00000000-0000-4000-8000-000000900001",)"
                          R"("effectiveAt":"2026-03-02T20:03:11.120+01:00")";

std::string item_json(std::string_view members) { return "{" + kHead + "," + std::string(members) + "}"; }

TEST(VitalsItem, IsReadAsItWasWritten) {
  auto item = parse_vitals_item(item_json(R"("weight":180,"heartRate":72,"weightUnit":"[lb_av]","respiratoryRate":14.0,
      "spo2":null,"position":"SUPINE","systolic":"high","unit":7,"absent":{"height":"not-performed","spo2":null})"));
  ASSERT_TRUE(item) << item.error().describe();
  EXPECT_EQ(item->id.text(), "11111111-1111-4111-8111-00000000000a");
  EXPECT_EQ(item->patient_id, kPatientId);
  EXPECT_EQ(item->effective_at->at, kCaptured);
  EXPECT_EQ(item->measurements, (std::vector<Measurement>{
      {Vital::kHeartRate, {ValueKind::kNumber, "72"}, {}, {}},
      {Vital::kSystolic, {ValueKind::kText, "high"}, {ValueKind::kNumber, "7"}, {}},
      {Vital::kRespiratoryRate, {ValueKind::kNumber, "14.0"}, {}, {}},
      {Vital::kWeight, {ValueKind::kNumber, "180"}, {ValueKind::kText, "[lb_av]"}, {}},
      {Vital::kHeight, {}, {}, {ValueKind::kText, "not-performed"}},
  }));
  EXPECT_EQ(item->position, (Value{ValueKind::kText, "SUPINE"}));
  EXPECT_EQ(item->sdtm, std::nullopt);
}

TEST(VitalsItem, HasOneCanonicalTextForOneContent) {
  auto canonical = [](std::string_view json) { return parse_vitals_item(json).value().canonical; };
  EXPECT_EQ(canonical(item_json(R"( "weight": 80.0, "heartRate": 72, "spo2": null, "app": {"b": 1, "a": null} )")),
            R"({"app":{"b":1},"effectiveAt":"2026-03-02T20:03:11.120+01:00","heartRate":72,)"
            R"("id":"11111111-1111-4111-8111-00000000000a","patientId":"00000000-0000-4000-8000-000000900001","weight":80.0})");
  EXPECT_EQ(canonical(item_json(R"("heartRate":72,"weight":80.0)")), canonical(item_json(R"("weight":80.0,"heartRate":72)")));
  EXPECT_NE(canonical(item_json(R"("heartRate":72)")), canonical(item_json(R"("heartRate":72.0)"))) << "another precision";
  EXPECT_NE(canonical(item_json(R"("heartRate":72)")), canonical(item_json(R"("heartRate":72,"note":"x")")));
}

TEST(VitalsItem, ReadFromItsCanonicalTextIsEqual) {
  for (const char* members : {R"("heartRate":72,"systolic":121,"diastolic":79,"unit":"mm[Hg]","absent":{"spo2":"error"})",
                              R"("temperature":98.60,"temperatureUnit":"[degF]","position":"STANDING")",
                              R"("heartRate":72,"sdtm":{"seq":7,"testCode":"PULSE","unit":"BEATS/MIN","date":"2013-12-26"})",
                              R"("note":1)"}) {
    VitalsItem first = parse_vitals_item(item_json(members)).value();
    VitalsItem again = parse_vitals_item(first.canonical).value();
    EXPECT_EQ(again.canonical, first.canonical);
    EXPECT_EQ(again.measurements, first.measurements) << members;
    EXPECT_EQ(again.sdtm, first.sdtm) << members;
    EXPECT_EQ(again.position, first.position) << members;
    EXPECT_EQ(again.id, first.id);
  }
}

TEST(VitalsItem, MadeHereHasTheTextThatReadingItGives) {
  VitalsItem item = parse_vitals_item(item_json(R"("heartRate":72,"systolic":121.0,"diastolic":79,"unit":"kPa","weight":80,
      "weightUnit":"kg","position":"SITTING","absent":{"spo2":"error","height":"x"})")).value();
  EXPECT_EQ(canonical_text(item), item.canonical);
  item.position = {};
  item.measurements.resize(1);
  item.sdtm = SdtmSource{7, "HR", "", "2013-12-26"};
  VitalsItem again = parse_vitals_item(canonical_text(item)).value();
  EXPECT_EQ(again.sdtm, item.sdtm);
  EXPECT_EQ(again.measurements, item.measurements);
  EXPECT_EQ(again.position, item.position);
}

TEST(VitalsItem, IsRefusedByTheFieldAtFault) {
  auto pointer_of = [](std::string_view json) {
    auto item = parse_vitals_item(json);
    EXPECT_FALSE(item) << json;
    if (item) return std::string("none");
    EXPECT_EQ(item.error().reason(), "invalid-envelope");
    EXPECT_FALSE(item.error().describe().contains("CANARY"));
    return std::string(item.error().field());
  };
  EXPECT_EQ(pointer_of("[1]"), "");
  EXPECT_EQ(pointer_of(R"("CANARY")"), "");
  EXPECT_EQ(pointer_of(R"({"heartRate":72})"), "/id");
  EXPECT_EQ(pointer_of(R"({"id":"CANARY"})"), "/id");
  EXPECT_EQ(pointer_of(R"({"id":"11111111-1111-4111-8111-000000000001","patientId":7})"), "/patientId");
  EXPECT_EQ(pointer_of(R"({"id":"11111111-1111-4111-8111-000000000001","patientId":"00000000-0000-4000-8000-000000900001"})"),
            "/effectiveAt");
  EXPECT_EQ(pointer_of(item_json(R"("absent":"CANARY")")), "/absent");
  EXPECT_EQ(pointer_of(item_json(R"("absent":{"pulse":"error"})")), "/absent/pulse");
  EXPECT_EQ(pointer_of(item_json(R"("absent":{"spo2":""})")), "/absent/spo2");
  EXPECT_EQ(pointer_of(item_json(R"("absent":{")" + std::string(5000, 'x') + R"(":1})")), "/absent");
  EXPECT_EQ(pointer_of(item_json(R"("heartRate":72,"sdtm":{"seq":0,"testCode":"HR","date":"2013"})")), "/sdtm/seq");
  EXPECT_EQ(pointer_of(item_json(R"("heartRate":72,"sdtm":{"seq":1,"date":"2013"})")), "/sdtm/testCode");
  EXPECT_EQ(pointer_of(item_json(R"("heartRate":72,"sdtm":{"seq":1,"testCode":"HR","unit":5,"date":"2013"})")), "/sdtm/unit");
  EXPECT_EQ(pointer_of(item_json(R"("heartRate":72,"sdtm":{"seq":1,"testCode":"HR"})")), "/sdtm/date");
  EXPECT_EQ(pointer_of(item_json(R"("heartRate":72,"spo2":97,"sdtm":{"seq":1,"testCode":"HR","date":"2013"})")), "/sdtm");
}

TEST(VitalsItem, KeepsATimeThatIsNoInstantAsItsFinding) {
  auto time = [](std::string_view text) {
    return parse_vitals_item(R"({"id":"11111111-1111-4111-8111-000000000001","patientId":"00000000-0000-4000-8000-000000900001",)"
                             R"("effectiveAt":")" + std::string(text) + R"("})").value().effective_at;
  };
  EXPECT_EQ(time("2026-03-02").error(), FindingCode::kCaptureTimeAmbiguous);
  EXPECT_EQ(time("").error(), FindingCode::kCaptureTimeInvalid);
}

TEST(VitalsItem, IsRefusedIfItIsNoCleanJson) {
  EXPECT_EQ(parse_vitals_item("{").error().reason(), "malformed-json");
  EXPECT_EQ(parse_vitals_item(item_json(R"("heartRate":72,"heartRate":73)")).error().reason(), "duplicate-key");
  auto nested = [](std::size_t levels) {
    return parse_vitals_item(item_json(R"("x":)" + std::string(levels - 1, '[') + std::string(levels - 1, ']')));
  };
  EXPECT_TRUE(nested(kVitalsBatchDepthMax));
  EXPECT_EQ(nested(kVitalsBatchDepthMax + 1).error().reason(), "too-deep");
}

}  // namespace
}  // namespace epro
