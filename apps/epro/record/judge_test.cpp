// SPDX-License-Identifier: MIT
#include <apps/epro/record/judge.hpp>

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>

#include <apps/epro/record/envelope.hpp>
#include <apps/epro/record/record_test.hpp>

namespace epro {
namespace {

using namespace std::chrono_literals;
using enum FindingCode;

class Judge : public ::testing::Test {
 protected:
  Verdict verdict(sluice::WallTime received_at = kReceived) const {
    return judge(report_, study_, study_.patients[0], received_at, memory_);
  }
  /// Of a report of these answers.
  Verdict verdict_on(std::string_view items) {
    report_ = parse_envelope(sluice::as_bytes(diary_json(items))).value();
    return verdict();
  }
  Verdict verdict_on_visit(std::string_view items) {
    report_ = parse_envelope(sluice::as_bytes(diary_json(items))).value();
    report_.instrument_oid = "VISIT";
    report_.instrument_version = "2";
    return verdict();
  }

  Study study_ = demo_study();
  Envelope report_ = parse_envelope(sluice::as_bytes(diary_json())).value();
  Memory memory_;
};

std::vector<Finding> one(FindingCode code, const char* pointer) { return {{code, pointer}}; }

TEST_F(Judge, AcceptsAnOrdinaryDiary) {
  EXPECT_EQ(verdict().disposition(), Disposition::kAccepted);
  EXPECT_TRUE(verdict().flags.empty());
  EXPECT_EQ(verdict().skew, 127ms);
  EXPECT_EQ(to_string(Disposition::kAccepted), "accepted");
  EXPECT_EQ(to_string(Disposition::kQuarantined), "quarantined");
}

TEST_F(Judge, NamesTheAnswerThatIsWrong) {
  struct Case {
    const char* item;
    FindingCode code;
    const char* pointer;
  };
  for (const Case& c : {
           Case{R"({"linkId":"pain","value":11})", kValueNotAllowed, "/items/0/value"},
           {R"({"linkId":"pain","value":-1})", kValueNotAllowed, "/items/0/value"},
           {R"({"linkId":"pain","value":4.5})", kValueType, "/items/0/value"},
           {R"({"linkId":"pain","value":"4"})", kValueType, "/items/0/value"},
           {R"({"linkId":"pain","value":true})", kValueType, "/items/0/value"},
           {R"({"linkId":"pain","value":[4]})", kValueType, "/items/0/value"},
           {R"({"linkId":"pain","value":1e999})", kValueNotAllowed, "/items/0/value"},
           {R"({"linkId":"mood","value":4})", kItemUnknown, "/items/0/linkId"},
           {R"({"linkId":"note","value":"123456"})", kValueNotAllowed, "/items/0/value"},
           {R"({"linkId":"note","value":"a\u0000b"})", kValueNotAllowed, "/items/0/value"},
           {R"({"linkId":"pulse","value":350.1})", kValueNotAllowed, "/items/0/value"},
           {R"({"linkId":"pulse","value":72,"unit":"bpm"})", kUnitUnknown, "/items/0/unit"},
           {R"({"linkId":"pulse","value":72,"unit":"kg"})", kUnitUnknown, "/items/0/unit"},
           {R"({"linkId":"pulse","value":72,"unit":1})", kValueType, "/items/0/unit"},
           {R"({"linkId":"pain","value":4,"unit":"/min"})", kUnitUnknown, "/items/0/unit"},
           {R"({"linkId":"pain","value":4,"absent":"asked-declined"})", kValueNotAllowed, "/items/0/absent"},
           {R"({"linkId":"pain","absent":7})", kValueType, "/items/0/absent"},
           {R"({"linkId":"pain","absent":""})", kValueNotAllowed, "/items/0/absent"},
       }) {
    Verdict verdict = verdict_on("[" + std::string(c.item) + "]");
    EXPECT_EQ(verdict.findings, one(c.code, c.pointer)) << c.item;
    EXPECT_EQ(verdict.disposition(), Disposition::kQuarantined);
  }
}

TEST_F(Judge, AcceptsAnswersAtTheirLimits) {
  EXPECT_TRUE(verdict_on(R"([{"linkId":"pain","value":0},{"linkId":"sleep","value":10},{"linkId":"nausea","value":4.0},
      {"linkId":"pulse","value":72.50,"unit":"/min"},{"linkId":"note","value":"äöüß€"}])").findings.empty());
  EXPECT_TRUE(verdict_on(R"([{"linkId":"pain","value":null},{"linkId":"sleep","absent":"asked-declined"},
      {"linkId":"note","value":""}])").findings.empty());
}

TEST_F(Judge, FlagsAnAnswerThatIsPossibleButUnlikely) {
  Verdict verdict = verdict_on(R"([{"linkId":"pulse","value":220.1}])");
  EXPECT_TRUE(verdict.findings.empty());
  EXPECT_TRUE(verdict.flags.has(Flag::kOutOfRange));
  EXPECT_FALSE(verdict_on(R"([{"linkId":"pulse","value":220}])").flags.has(Flag::kOutOfRange));
}

TEST_F(Judge, ChecksEveryTypeOfQuestion) {
  EXPECT_TRUE(verdict_on_visit(R"([{"linkId":"smoker","value":false},{"linkId":"arm","value":"left"},
      {"linkId":"weight","value":180,"unit":"[lb_av]"},{"linkId":"score","value":0.5}])").findings.empty());
  EXPECT_TRUE(verdict_on_visit(R"([{"linkId":"arm","value":2}])").findings.empty()) << "a code that is a number";
  EXPECT_EQ(verdict_on_visit(R"([{"linkId":"smoker","value":"no"}])").findings, one(kValueType, "/items/0/value"));
  EXPECT_EQ(verdict_on_visit(R"([{"linkId":"arm","value":"both"}])").findings, one(kValueNotAllowed, "/items/0/value"));
  EXPECT_EQ(verdict_on_visit(R"([{"linkId":"arm","value":true}])").findings, one(kValueType, "/items/0/value"));
  EXPECT_EQ(verdict_on_visit(R"([{"linkId":"score","value":1}])").findings, one(kValueNotAllowed, "/items/0/value"));
  EXPECT_TRUE(verdict_on_visit(R"([{"linkId":"score","value":0,"unit":"{score}"}])").findings.empty());
  EXPECT_EQ(verdict_on_visit(R"([{"linkId":"score","value":0,"unit":"kg"}])").findings, one(kUnitUnknown, "/items/0/unit"));
}

TEST_F(Judge, RecognisesANumberOfAnotherUnit) {
  EXPECT_EQ(verdict_on_visit(R"([{"linkId":"weight","value":82000}])").findings, one(kUnitImplausible, "/items/0/value"));
  EXPECT_EQ(verdict_on_visit(R"([{"linkId":"weight","value":-3}])").findings, one(kValueNotAllowed, "/items/0/value"));
}

TEST_F(Judge, ReportsEverythingThatIsWrongInItsOrder) {
  report_ = parse_envelope(sluice::as_bytes(diary_json(R"([{"linkId":"pain","value":11},{"linkId":"sleep","value":7},
      {"linkId":"pain","value":4},{"linkId":"x"}])"))).value();
  report_.captured_at = std::unexpected(kCaptureTimeAmbiguous);
  report_.sent_at = std::unexpected(kCaptureTimeInvalid);
  EXPECT_EQ(verdict().findings, (std::vector<Finding>{{kCaptureTimeAmbiguous, "/capturedAt"},
                                                      {kCaptureTimeInvalid, "/sentAt"},
                                                      {kValueNotAllowed, "/items/0/value"},
                                                      {kValueNotAllowed, "/items/2/linkId"},  // answered twice
                                                      {kItemUnknown, "/items/3/linkId"}}));
  EXPECT_EQ(verdict().skew, std::nullopt);
}

TEST_F(Judge, QuarantinesAnUnknownInstrumentAndAnEmptyReport) {
  EXPECT_EQ(verdict_on("[]").findings, one(kEmpty, "/items"));
  report_ = parse_envelope(sluice::as_bytes(diary_json())).value();
  report_.instrument_version = "9";
  EXPECT_EQ(verdict().findings, one(kInstrumentVersionUnknown, "/instrument/version"));
}

TEST_F(Judge, WelcomesWhatWasCapturedBeforeThePatientWithdrew) {
  Patient& patient = study_.patients[0];
  patient.status = PatientStatus::kWithdrawn;
  EXPECT_EQ(verdict().findings, one(kPatientWithdrawn, "/patientId"));
  patient.withdrawn_at = kCaptured + 1us;
  EXPECT_TRUE(verdict().findings.empty());
  patient.withdrawn_at = kCaptured;
  EXPECT_EQ(verdict().findings, one(kPatientWithdrawn, "/patientId"));
  report_.captured_at = std::unexpected(kCaptureTimeInvalid);
  patient.withdrawn_at = kReceived + 1h;
  EXPECT_EQ(verdict().findings.front(), (Finding{kPatientWithdrawn, "/patientId"})) << "nobody knows when it was captured";
  patient.status = PatientStatus::kCompleted;
  EXPECT_EQ(verdict().findings, one(kCaptureTimeInvalid, "/capturedAt"));
}

TEST_F(Judge, FlagsAClockBeyondTheStudysTolerance) {
  const sluice::WallTime sent = report_.sent_at->at;
  EXPECT_FALSE(verdict(sent + 2min).flags.has(Flag::kClockSkew));
  EXPECT_TRUE(verdict(sent + 2min + 1ms).flags.has(Flag::kClockSkew));
  EXPECT_TRUE(verdict(sent - 2min - 1ms).flags.has(Flag::kClockSkew));
  EXPECT_EQ(verdict(sent - 1us).skew, -1ms) << "rounded down, so that the sign stays";
}

TEST_F(Judge, FlagsAReportFromTheFuture) {
  EXPECT_FALSE(verdict(kCaptured - kFutureTolerance).flags.has(Flag::kFuture));
  EXPECT_TRUE(verdict(kCaptured - kFutureTolerance - 1us).flags.has(Flag::kFuture));
}

TEST_F(Judge, FlagsWhatTheDeviceDidBefore) {
  EXPECT_TRUE(verdict().flags.empty()) << "nothing is known";
  memory_ = {.previous_offset = 60min, .holder_of_seq = report_.submission_id};
  EXPECT_TRUE(verdict().flags.empty()) << "the same as before";
  memory_ = {.previous_offset = 120min, .holder_of_seq = uuid("00000000-0000-4000-8000-00000000dead")};
  EXPECT_EQ(verdict().flags.names(), (std::vector<std::string_view>{"tz_changed", "device_seq_reused"}));
}

TEST_F(Judge, TellsLateFromDeliveredLate) {
  memory_.knows_windows = true;
  EXPECT_EQ(verdict().flags.names(), (std::vector<std::string_view>{"unscheduled"}));
  memory_.window = ReportWindow{kCaptured - 3h, kCaptured};
  EXPECT_TRUE(verdict().flags.empty());
  EXPECT_FALSE(verdict(kCaptured + 24h).flags.has(Flag::kDeliveredLate));
  EXPECT_TRUE(verdict(kCaptured + 24h + 1us).flags.has(Flag::kDeliveredLate));
  memory_.window->closes_at = kCaptured - 1us;
  EXPECT_TRUE(verdict(kCaptured + 25h).flags.has(Flag::kLate));
  EXPECT_FALSE(verdict(kCaptured + 25h).flags.has(Flag::kDeliveredLate)) << "the patient, not the connection";
  study_.late_grace = 1ms;
  EXPECT_FALSE(verdict().flags.has(Flag::kLate));
  memory_.window->has_report = true;
  EXPECT_TRUE(verdict().flags.has(Flag::kDuplicateWindow));
}

}  // namespace
}  // namespace epro
