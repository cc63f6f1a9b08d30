// SPDX-License-Identifier: MIT
#include <apps/epro/record/journal_entry.hpp>

#include <gtest/gtest.h>

namespace epro {
namespace {

ReportEntry report() {
  Judgement judgement{"r_1", false, {}, {{FindingCode::kValueType, "/items/0/value"}, {FindingCode::kEmpty, ""}}};
  judgement.flags.add(Flag::kLate);
  return {"DEMO", judgement, std::string("{\"a\":\0}", 7)};
}

VitalsEntry vitals() {
  return {"DEMO", {{"id-1", "patient-1", "P001", {"r_1", true, {}, {}}, {"heart-rate-zero"}, "{}"}, {}}};
}

TEST(JournalEntry, ComesBackAsItWas) {
  StudyEntry study{0x1'0000'0002, R"({"study":{"oid":"DEMO"}})"};
  EXPECT_EQ(decode_study(encode(study)), study);
  EXPECT_EQ(decode_report(encode(report())), report());
  EXPECT_EQ(decode_vitals(encode(vitals())), vitals());
}

TEST(JournalEntry, IsRefusedIfCutAnywhereOrLonger) {
  const std::string study = encode(StudyEntry{7, "{}"});
  for (std::size_t cut = 0; cut < study.size(); ++cut) EXPECT_FALSE(decode_study(std::string_view(study).substr(0, cut))) << cut;
  EXPECT_FALSE(decode_study(study + "x"));
  for (std::string bytes : {encode(report()), encode(vitals())}) {
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      EXPECT_FALSE(decode_report(std::string_view(bytes).substr(0, cut))) << cut;
      EXPECT_FALSE(decode_vitals(std::string_view(bytes).substr(0, cut))) << cut;
    }
  }
  EXPECT_FALSE(decode_report(encode(report()) + "x"));
}

TEST(JournalEntry, AnUnknownFindingCodeIsDamage) {
  ReportEntry entry = report();
  entry.judgement.findings[0].code = static_cast<FindingCode>(200);
  EXPECT_FALSE(decode_report(encode(entry)));
}

}  // namespace
}  // namespace epro
