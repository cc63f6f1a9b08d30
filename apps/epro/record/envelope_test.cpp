// SPDX-License-Identifier: MIT
#include <apps/epro/record/envelope.hpp>

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>

#include <apps/epro/record/record_test.hpp>

namespace epro {
namespace {

sluice::Result<Envelope> parse(std::string_view json) { return parse_envelope(sluice::as_bytes(json)); }

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  auto place = text.find(from);
  EXPECT_NE(place, text.npos) << from;
  return text.replace(place, from.size(), to);
}

TEST(Envelope, IsReadAsItWasWritten) {
  auto report = parse(diary_json(R"([{"linkId":"pulse","value":61.50,"unit":"/min"},
      {"linkId":"note","value":null,"absent":"asked-declined"},{"linkId":"x","value":{"a":1},"absent":false}])"));
  ASSERT_TRUE(report) << report.error().describe();
  EXPECT_EQ(report->submission_id, uuid("6d0f2c8e-5d1a-4c55-9a57-000000000001"));
  EXPECT_EQ(report->patient_id, kPatientId);
  EXPECT_EQ(report->device, (DeviceSeq{"phone-1", 1, 4711}));
  EXPECT_EQ(report->instrument_oid, "EVD");
  EXPECT_EQ(report->instrument_version, "1");
  EXPECT_EQ(report->window_id, "");
  EXPECT_EQ(report->originator, "patient");
  EXPECT_EQ(report->captured_at->at, kCaptured);
  EXPECT_EQ(report->captured_at->offset, std::chrono::hours(1));
  EXPECT_EQ(report->sent_at->at, kCaptured + std::chrono::milliseconds(884));
  EXPECT_EQ(report->answers,
            (std::vector<Answer>{{"pulse", {ValueKind::kNumber, "61.50"}, {ValueKind::kText, "/min"}, {}},
                                 {"note", {}, {}, {ValueKind::kText, "asked-declined"}},
                                 {"x", {ValueKind::kStructure, ""}, {}, {ValueKind::kBoolean, "false"}}}));
}

TEST(Envelope, IgnoresWhatItDoesNotKnow) {
  auto report = parse(replaced(diary_json(), R"("originator")", R"("app":{"version":[1,2]},"originator")"));
  EXPECT_TRUE(report);
  EXPECT_EQ(parse(replaced(diary_json(), R"("windowId":null)", R"("windowId":"w-1")"))->window_id, "w-1");
}

TEST(Envelope, KeepsATimeThatIsNoInstantAsItsFinding) {
  const std::string captured = "2026-03-02T20:03:11.120+01:00";
  EXPECT_EQ(parse(replaced(diary_json(), captured, "2026-02-30T20:03:11Z"))->captured_at.error(),
            FindingCode::kCaptureTimeInvalid);
  EXPECT_EQ(parse(replaced(diary_json(), captured, "2026-03-02"))->captured_at.error(), FindingCode::kCaptureTimeAmbiguous);
}

TEST(Envelope, IsRefusedByTheFieldAtFault) {
  struct Case {
    const char* from;
    const char* to;
    const char* pointer;
  };
  for (const Case& c : {
           Case{R"("submissionId")", R"("other")", "/submissionId"},
           {R"("6D0F2C8E-5D1A-4C55-9A57-000000000001")", "7731", "/submissionId"},
           {"6D0F2C8E", "CANARY", "/submissionId"},
           {R"("patientId":"00000000)", R"("patientId":"CANARY)", "/patientId"},
           {R"({"id":"phone-1","epoch":1,"seq":4711})", "1", "/device"},
           {R"("id":"phone-1")", R"("id":"")", "/device/id"},
           {R"("id":"phone-1")", R"("id":"a\nb")", "/device/id"},
           {R"("epoch":1)", R"("epoch":0)", "/device/epoch"},
           {R"("seq":4711)", R"("seq":4711.0)", "/device/seq"},
           {R"("seq":4711)", R"("seq":"4711")", "/device/seq"},
           {R"("seq":4711)", R"("seq":92233720368547758070)", "/device/seq"},
           {R"({"oid":"EVD","version":"1"})", "null", "/instrument"},
           {R"("version":"1")", R"("version":1)", "/instrument/version"},
           {R"("windowId":null)", R"("windowId":7)", "/windowId"},
           {R"("originator":"patient",)", "", "/originator"},
           {R"("capturedAt":"2026-03-02T20:03:11.120+01:00")", R"("capturedAt":1772478191)", "/capturedAt"},
           {R"("sentAt":"2026-03-02T20:03:12.004+01:00")", R"("sentAt":null)", "/sentAt"},
           {R"("items":[)", R"("items":"CANARY","x":[)", "/items"},
           {R"("items":[)", R"("items":["CANARY",)", "/items/0"},
           {R"("linkId":"sleep")", R"("linkId":7)", "/items/1/linkId"},
       }) {
    auto report = parse(replaced(diary_json(), c.from, c.to));
    ASSERT_FALSE(report) << c.to;
    EXPECT_EQ(report.error(), sluice::Error(sluice::Code::kInvalidArgument).because("invalid-envelope").at(c.pointer))
        << report.error().describe() << " at " << report.error().field();
    EXPECT_FALSE(report.error().describe().contains("CANARY"));
  }
  EXPECT_EQ(parse("[]").error().reason(), "invalid-envelope");
  EXPECT_EQ(parse("[]").error().field(), "");
}

TEST(Envelope, IsRefusedIfItIsNoCleanJson) {
  auto reason = [](std::string_view json) { return std::string(parse(json).error().reason()); };
  EXPECT_EQ(reason(""), "malformed-json");
  EXPECT_EQ(reason(diary_json() + "x"), "malformed-json");
  EXPECT_EQ(reason(replaced(diary_json(), "phone-1", "\xff")), "invalid-utf8");
  auto twice = parse(replaced(diary_json(), R"("id":"phone-1")", R"("id":"phone-1","id":"a")"));
  EXPECT_EQ(twice.error().reason(), "duplicate-key");
  EXPECT_EQ(twice.error().field(), "/device/id");
}

TEST(Envelope, HoldsItsLimits) {
  auto with_items = [](std::size_t count) {
    std::string items = R"([{"linkId":"a"})";
    for (std::size_t i = 1; i < count; ++i) items += R"(,{"linkId":"a"})";
    return parse(diary_json(items + "]"));
  };
  EXPECT_EQ(with_items(kEnvelopeItemsMax)->answers.size(), kEnvelopeItemsMax);
  EXPECT_EQ(with_items(kEnvelopeItemsMax + 1).error().reason(), "too-large");
  EXPECT_EQ(with_items(kEnvelopeItemsMax + 1).error().field(), "/items");

  auto with_depth = [](std::size_t levels) {
    return parse(replaced(diary_json(), R"("windowId")",
                          R"("x":)" + std::string(levels - 1, '[') + std::string(levels - 1, ']') + R"(,"windowId")"));
  };
  EXPECT_TRUE(with_depth(kEnvelopeDepthMax));
  EXPECT_EQ(with_depth(kEnvelopeDepthMax + 1).error().reason(), "too-deep");
  EXPECT_EQ(with_depth(kEnvelopeDepthMax + 1).error().field(), "");

  std::string padded = diary_json();
  padded.resize(kEnvelopeBytesMax, ' ');
  EXPECT_TRUE(parse(padded));
  EXPECT_EQ(parse(padded + " ").error().reason(), "too-large");
}

}  // namespace
}  // namespace epro
