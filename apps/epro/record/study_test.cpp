// SPDX-License-Identifier: MIT
#include <apps/epro/record/study.hpp>

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include <apps/epro/record/record_test.hpp>

namespace epro {
namespace {

using namespace std::chrono_literals;

TEST(Study, PassesItsCheckAsTheDemoDoes) { EXPECT_TRUE(check(demo_study())); }

TEST(Study, IsRefusedByThePartThatDoesNotFit) {
  struct Case {
    const char* pointer;
    std::function<void(Study&)> spoil;
  };
  const std::vector<Case> cases = {
      {"/study/oid", [](Study& s) { s.oid = "a/b"; }},
      {"/study/oid", [](Study& s) { s.oid = ".."; }},
      {"/study/oid", [](Study& s) { s.oid = ""; }},
      {"/study/title", [](Study& s) { s.title = "a\nb"; }},
      {"/study/region", [](Study& s) { s.region = std::string(kIdentifierMax + 1, 'x'); }},
      {"/study/skewFlag", [](Study& s) { s.skew_flag = -1ms; }},
      {"/study/lateGrace", [](Study& s) { s.late_grace = -1ms; }},
      {"/sites/1/id", [](Study& s) { s.sites[1].id = s.sites[0].id; }},
      {"/sites/0/tz", [](Study& s) { s.sites[0].tz = ""; }},
      {"/patients/1/site", [](Study& s) { s.patients[1].site = "703"; }},
      {"/patients/1/id", [](Study& s) { s.patients[1].id = s.patients[0].id; }},
      {"/patients/1/subjectKey", [](Study& s) { s.patients[1].subject_key = s.patients[0].subject_key; }},
      {"/patients/0/subjectKey", [](Study& s) { s.patients[0].subject_key = ""; }},
      {"/patients/0/withdrawnAt", [](Study& s) { s.patients[0].withdrawn_at = kCaptured; }},
      {"/instruments/0/items", [](Study& s) { s.instruments[0].items.clear(); }},
      {"/instruments/0/items/1/linkId", [](Study& s) { s.instruments[0].items[1].link_id = "pain"; }},
      {"/instruments/0/items/4/range", [](Study& s) { s.instruments[0].items[4].range = range("[0:1]"); }},
      {"/instruments/0/items/4/unit", [](Study& s) { s.instruments[0].items[4].unit = "kg"; }},
      {"/instruments/0/items/3/plausible", [](Study& s) { s.instruments[0].items[3].plausible = range("[30:351]"); }},
      {"/instruments/0/items/0/maxLength", [](Study& s) { s.instruments[0].items[0].max_length = 1; }},
      {"/instruments/0/items/4/maxLength", [](Study& s) { s.instruments[0].items[4].max_length = kTextLengthMax + 1; }},
      {"/instruments/0/items/0/options", [](Study& s) { s.instruments[0].items[0].options = {"a"}; }},
      {"/instruments/1/items/1/options", [](Study& s) { s.instruments[1].items[1].options.clear(); }},
      {"/instruments/1/items/1/options/2", [](Study& s) { s.instruments[1].items[1].options[2] = ""; }},
      {"/instruments/0/window/opens", [](Study& s) { s.instruments[0].window->opens = 24h; }},
      {"/instruments/0/window/due", [](Study& s) { s.instruments[0].window->due = 16h; }},
      {"/instruments/0/window/closes", [](Study& s) { s.instruments[0].window->closes = 19h; }},
      {"/instruments/0/window/closes", [](Study& s) { s.instruments[0].window->closes = 32 * 24h; }},
      {"/instruments/1/version", [](Study& s) { s.instruments[1] = s.instruments[0]; }},
      {"/vitals/spo2/plausible", [](Study& s) { s.vitals[static_cast<std::size_t>(Vital::kSpo2)].plausible = range("[0:100]"); }},
  };
  for (const Case& c : cases) {
    Study study = demo_study();
    c.spoil(study);
    auto result = check(study);
    ASSERT_FALSE(result) << c.pointer;
    EXPECT_EQ(result.error(), sluice::Error(sluice::Code::kInvalidArgument).because("invalid-study").at(c.pointer))
        << c.pointer << " but " << result.error().field();
  }
}

TEST(Study, HoldsItsLimits) {
  Study study = demo_study();
  study.title = std::string(kIdentifierMax, 'x');
  study.instruments[0].items[4].max_length = kTextLengthMax;
  study.instruments[0].window->closes = 32 * 24h - 1min;
  EXPECT_TRUE(check(study));
}

TEST(Study, FindsAnInstrumentByOidAndVersion) {
  const Study study = demo_study();
  EXPECT_EQ(find_instrument(study, "VISIT", "2"), &study.instruments[1]);
  EXPECT_EQ(find_instrument(study, "VISIT", "1"), nullptr);
  EXPECT_EQ(find_instrument(study, "visit", "2"), nullptr);
}

TEST(Study, HasAWordForEachStatus) {
  for (PatientStatus status : {PatientStatus::kScreening, PatientStatus::kActive, PatientStatus::kCompleted, PatientStatus::kWithdrawn})
    EXPECT_EQ(parse_patient_status(to_string(status)), status);
  EXPECT_EQ(parse_patient_status("Active"), std::nullopt);
}

TEST(Study, DerivesAPatientsIdFromStudyAndSubject) {
  EXPECT_EQ(patient_id_of("DEMO", "P001").text(), "c435cac5-7961-8749-b09e-20e600d74752");
  EXPECT_NE(patient_id_of("DEMO", "P001"), patient_id_of("DEMO2", "P001"));
}

}  // namespace
}  // namespace epro
