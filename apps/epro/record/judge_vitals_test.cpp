// SPDX-License-Identifier: MIT
#include <apps/epro/record/judge_vitals.hpp>

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <apps/epro/record/judge.hpp>
#include <apps/epro/record/record_test.hpp>
#include <apps/epro/record/vitals_item.hpp>

namespace epro {
namespace {

using enum FindingCode;

/// An item of these members.
VitalsItem item_with(std::string_view members) {
  return parse_vitals_item(R"({"id":"11111111-1111-4111-8111-000000000001","patientId":"00000000-0000-4000-8000-000000900001",)"
                           R"("effectiveAt":"2026-03-02T20:03:11.120+01:00",)" + std::string(members) + "}").value();
}

class JudgeVitals : public ::testing::Test {
 protected:
  VitalsVerdict verdict_on(std::string_view members) const { return verdict_on(item_with(members)); }
  VitalsVerdict verdict_on(const VitalsItem& item) const {
    return judge_vitals(item, study_, study_.patients[0], kReceived);
  }

  Study study_ = demo_study();
};

std::vector<Finding> one(FindingCode code, const char* pointer) { return {{code, pointer}}; }

TEST_F(JudgeVitals, FindsNothingInOrdinaryMeasurements) {
  EXPECT_EQ(verdict_on(R"("heartRate":72,"systolic":121,"diastolic":79,"unit":"mm[Hg]","respiratoryRate":14.0,"spo2":97,
      "temperature":98.6,"temperatureUnit":"[degF]","weight":180,"weightUnit":"[lb_av]","height":178,"heightUnit":"cm",
      "position":"SUPINE")"), VitalsVerdict());
  EXPECT_EQ(verdict_on(R"("systolic":16.1,"diastolic":10.5,"unit":"kPa")"), VitalsVerdict());
  EXPECT_EQ(verdict_on(R"("heartRate":null,"absent":{"heartRate":"not-performed"})"), VitalsVerdict());
}

TEST_F(JudgeVitals, QuarantinesWhatCannotBe) {
  struct Case {
    const char* members;
    FindingCode code;
    const char* pointer;
  };
  for (const Case& c : {
           Case{R"("spo2":140)", kValueNotAllowed, "/spo2"},
           {R"("spo2":0.97)", kUnitImplausible, "/spo2"},
           {R"("spo2":1)", kUnitImplausible, "/spo2"},
           {R"("heartRate":-1)", kValueNotAllowed, "/heartRate"},
           {R"("heartRate":"fast")", kValueType, "/heartRate"},
           {R"("heartRate":{"value":72})", kValueType, "/heartRate"},
           {R"("heartRate":1e999)", kValueNotAllowed, "/heartRate"},
           {R"("systolic":79,"diastolic":121)", kValueNotAllowed, "/diastolic"},
           {R"("systolic":121,"diastolic":79,"unit":"mmHg")", kUnitUnknown, "/unit"},
           {R"("temperature":98.6)", kUnitImplausible, "/temperature"},
           {R"("temperature":36.6,"temperatureUnit":"C")", kUnitUnknown, "/temperatureUnit"},
           {R"("temperature":36.6,"temperatureUnit":"kg")", kUnitUnknown, "/temperatureUnit"},
           {R"("temperature":36.6,"temperatureUnit":5)", kValueType, "/temperatureUnit"},
           {R"("heartRate":72,"absent":{"heartRate":"not-performed"})", kValueNotAllowed, "/absent/heartRate"},
           {R"("heartRate":72,"position":5)", kValueType, "/position"},
           {R"("heartRate":72,"position":"")", kValueNotAllowed, "/position"},
           {R"("note":"nothing measured")", kEmpty, ""},
       })
    EXPECT_EQ(verdict_on(c.members).findings, one(c.code, c.pointer)) << c.members;
}

TEST_F(JudgeVitals, FlagsWhatIsUnlikely) {
  VitalsVerdict verdict = verdict_on(R"("heartRate":230)");
  EXPECT_TRUE(verdict.findings.empty());
  EXPECT_EQ(verdict.flags.names(), std::vector<std::string_view>{"out_of_range"});
  EXPECT_TRUE(verdict.alerts.empty());
  study_.vitals[static_cast<std::size_t>(Vital::kHeartRate)].plausible = range("[30:230]");
  EXPECT_TRUE(verdict_on(R"("heartRate":230)").flags.empty()) << "the study knows better";
}

TEST_F(JudgeVitals, RaisesAnAlertAtAHeartRateOfZeroUnlessTheItemIsQuarantined) {
  EXPECT_EQ(verdict_on(R"("heartRate":0)").alerts, (std::vector<Alert>{{kAlertHeartRateZero, Vital::kHeartRate}}));
  EXPECT_EQ(verdict_on(R"("heartRate":0.0,"spo2":97)").alerts.size(), 1u);
  VitalsVerdict quarantined = verdict_on(R"("heartRate":0,"spo2":140)");
  EXPECT_TRUE(quarantined.alerts.empty());
  EXPECT_EQ(quarantined.findings, one(kValueNotAllowed, "/spo2"));
}

TEST_F(JudgeVitals, JudgesTheTimeAndThePatient) {
  VitalsItem item = item_with(R"("heartRate":72)");
  item.effective_at = std::unexpected(kCaptureTimeAmbiguous);
  EXPECT_EQ(verdict_on(item).findings, one(kCaptureTimeAmbiguous, "/effectiveAt"));
  item.effective_at = Timestamp{kReceived + kFutureTolerance, {}};
  EXPECT_TRUE(verdict_on(item).flags.empty());
  item.effective_at->at += std::chrono::microseconds(1);
  EXPECT_TRUE(verdict_on(item).flags.has(Flag::kFuture));

  item.effective_at = Timestamp{kCaptured, {}};
  study_.patients[0].status = PatientStatus::kWithdrawn;
  EXPECT_EQ(verdict_on(item).findings, one(kPatientWithdrawn, "/patientId"));
  study_.patients[0].withdrawn_at = kCaptured + std::chrono::microseconds(1);
  EXPECT_TRUE(verdict_on(item).findings.empty());
}

}  // namespace
}  // namespace epro
