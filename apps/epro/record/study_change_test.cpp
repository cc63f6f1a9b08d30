// SPDX-License-Identifier: MIT
#include <apps/epro/record/study_change.hpp>

#include <algorithm>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include <apps/epro/record/record_test.hpp>

namespace epro {
namespace {

using Lines = std::vector<std::string>;

TEST(StudyChange, IsToldLineByLine) {
  const Study before = demo_study();
  EXPECT_EQ(changes(before, before), Lines());
  Study after = before;
  after.title = "Morning diary";
  after.late_grace = std::chrono::minutes(5);
  after.sites[1].tz = "Atlantic/Azores";
  after.patients[0].status = PatientStatus::kCompleted;
  after.patients.push_back({patient_id_of("DEMO", "P1"), "701", "P1", PatientStatus::kActive, {}});
  after.instruments[1].version = "3";
  after.vitals[0].plausible = range("[40:200]");
  EXPECT_EQ(changes(before, after), (Lines{"study: title changed", "study: lateGrace changed", "site 702: changed",
                                           "patient P1: added", "patient 701-1001 (active → completed): changed",
                                           "instrument VISIT 3: added", "instrument VISIT 2: removed",
                                           "vitals heartRate: changed"}));
}

TEST(StudyChange, IsCutWhereNobodyReadsOn) {
  const Study before = demo_study();
  auto lines_of = [&](std::size_t added) {
    Study after = before;
    for (std::size_t i = 0; i < added; ++i) {
      std::string key = "P" + std::to_string(i);
      after.patients.push_back({patient_id_of("DEMO", key), "701", key, PatientStatus::kActive, {}});
    }
    return changes(before, after);
  };
  EXPECT_EQ(lines_of(kChangesListed).size(), kChangesListed);
  EXPECT_EQ(lines_of(kChangesListed).back(), "patient P9: added");
  EXPECT_EQ(lines_of(kChangesListed + 1).size(), kChangesListed + 1);
  EXPECT_EQ(lines_of(kChangesListed + 1).back(), "… and 1 more: added");
}

TEST(StudyChange, MayAddAndChangeButNotRemove) {
  const Study before = demo_study();
  Study grown = before;
  grown.title = "Other";
  grown.sites.push_back({"703", "US", "America/Chicago"});
  grown.patients.push_back({patient_id_of("DEMO", "P1"), "703", "P1", PatientStatus::kActive, {}});
  grown.patients[0].status = PatientStatus::kWithdrawn;
  grown.instruments.push_back(grown.instruments[0]);
  grown.instruments.back().version = "2";
  grown.instruments.back().items.pop_back();
  std::ranges::reverse(grown.patients);
  EXPECT_TRUE(check_successor(before, grown));
  EXPECT_TRUE(check_successor(before, before));

  struct Case {
    const char* pointer;
    std::function<void(Study&)> spoil;
  };
  const std::vector<Case> cases = {
      {"/study/oid", [](Study& s) { s.oid = "OTHER"; }},
      {"/sites", [](Study& s) { s.sites[1].id = "799"; }},
      {"/patients", [](Study& s) { s.patients.pop_back(); }},
      {"/patients", [](Study& s) { s.patients[0].id = uuid("00000000-0000-4000-8000-00000000dead"); }},
      {"/instruments", [](Study& s) { s.instruments.pop_back(); }},
      {"/instruments", [](Study& s) { s.instruments[0].version = "2"; }},
      {"/instruments/1", [](Study& s) { s.instruments[1].items[0].link_id = "smokes"; }},
      {"/instruments/0", [](Study& s) { s.instruments[0].window.reset(); }},
  };
  for (const Case& c : cases) {
    Study after = before;
    c.spoil(after);
    auto result = check_successor(before, after);
    ASSERT_FALSE(result) << c.pointer;
    EXPECT_EQ(result.error(), sluice::Error(sluice::Code::kFailedPrecondition).because("study-has-data").at(c.pointer))
        << result.error().field();
  }
}

}  // namespace
}  // namespace epro
