// SPDX-License-Identifier: MIT
#include <apps/epro/record/datapoint.hpp>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>

#include <apps/epro/record/envelope.hpp>
#include <apps/epro/record/record_test.hpp>
#include <apps/epro/record/vitals_item.hpp>

namespace epro {
namespace {

TEST(Datapoint, OfAReportIsAnAnswerInItsPlace) {
  const Study study = demo_study();
  Envelope report = parse_envelope(sluice::as_bytes(diary_json(R"([{"linkId":"weight","value":180.0,"unit":"[lb_av]"},
      {"linkId":"smoker","value":true},{"linkId":"arm","absent":"asked-declined"},{"linkId":"score","value":0.50}])"))).value();
  std::vector<Datapoint> points = datapoints_of(report, study.instruments[1]);
  ASSERT_EQ(points.size(), 4u);

  EXPECT_EQ(points[0].ordinal, 0);
  EXPECT_EQ(points[0].code_system, kCodeSystemItems);
  EXPECT_EQ(points[0].code, "weight");
  EXPECT_EQ(points[0].value.text, "180.0");
  EXPECT_EQ(points[0].number, 180.0);
  EXPECT_EQ(points[0].unit, "[lb_av]");
  EXPECT_EQ(points[0].std_number, 81.646627);
  EXPECT_EQ(points[0].std_unit, "kg");
  EXPECT_EQ(points[0].effective_at, kCaptured);
  EXPECT_EQ(points[0].effective_text, "2026-03-02T20:03:11.120+01:00");

  EXPECT_EQ(points[1].value, (Value{ValueKind::kBoolean, "true"}));
  EXPECT_EQ(points[1].number, std::nullopt);
  EXPECT_EQ(points[2].ordinal, 2);
  EXPECT_EQ(points[2].absent_reason, "asked-declined");
  EXPECT_EQ(points[3].unit, "{score}") << "the item's own, which converts into nothing";
  EXPECT_EQ(points[3].number, 0.5);
  EXPECT_EQ(points[3].std_number, std::nullopt);
  EXPECT_EQ(points[3].std_unit, "");
}

TEST(Datapoint, OfAnItemIsAMeasurementInTheOrderOfTheVitalSigns) {
  VitalsItem item = parse_vitals_item(R"({"id":"11111111-1111-4111-8111-000000000001",
      "patientId":"00000000-0000-4000-8000-000000900001","effectiveAt":"2026-03-02T20:03:11.120+01:00",
      "temperature":98.6,"temperatureUnit":"[degF]","heartRate":72,"absent":{"spo2":"not-performed"},"position":"SUPINE"})").value();
  std::vector<Datapoint> points = datapoints_of(item);
  ASSERT_EQ(points.size(), 3u);

  EXPECT_EQ(points[0].ordinal, static_cast<int>(Vital::kHeartRate));
  EXPECT_EQ(points[0].code_system, kCodeSystemLoinc);
  EXPECT_EQ(points[0].code, "8867-4");
  EXPECT_EQ(points[0].unit, "/min");
  EXPECT_EQ(points[0].std_number, 72.0);
  EXPECT_EQ(points[0].position, "SUPINE");
  EXPECT_EQ(points[0].effective_text, "2026-03-02T20:03:11.120+01:00");

  EXPECT_EQ(points[1].ordinal, static_cast<int>(Vital::kSpo2));
  EXPECT_EQ(points[1].absent_reason, "not-performed");
  EXPECT_EQ(points[1].unit, "");
  EXPECT_EQ(points[2].value.text, "98.6");
  EXPECT_EQ(points[2].unit, "[degF]");
  EXPECT_EQ(points[2].std_number, 37.0);
  EXPECT_EQ(points[2].std_unit, "Cel");
}

TEST(Datapoint, KeepsTheDateThatItsSourceWrote) {
  VitalsItem item = parse_vitals_item(R"({"id":"11111111-1111-4111-8111-000000000001",
      "patientId":"00000000-0000-4000-8000-000000900001","effectiveAt":"2013-12-26T12:00:00Z","heartRate":72,
      "sdtm":{"seq":1,"testCode":"PULSE","unit":"BEATS/MIN","date":"2013-12-26"}})").value();
  EXPECT_EQ(datapoints_of(item).front().effective_text, "2013-12-26");
  EXPECT_EQ(datapoints_of(item).front().effective_at, at("2013-12-26T12:00:00Z"));
}

TEST(Datapoint, HasAWordForItsType) {
  EXPECT_EQ(value_type(ValueKind::kMissing), "missing");
  EXPECT_EQ(value_type(ValueKind::kNumber), "number");
  EXPECT_EQ(value_type(ValueKind::kText), "text");
  EXPECT_EQ(value_type(ValueKind::kBoolean), "bool");
}

}  // namespace
}  // namespace epro
