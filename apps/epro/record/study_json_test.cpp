// SPDX-License-Identifier: MIT
#include <apps/epro/record/study_json.hpp>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <apps/epro/record/record_test.hpp>

namespace epro {
namespace {

using namespace std::chrono_literals;

std::string read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

constexpr std::string_view kSmall = R"(
study: { oid: S, title: Small, region: eu }
sites: [ { id: "1", country: NO, tz: Europe/Oslo } ]
patients: [ { site: "1", subjectKey: P001 } ]
instruments:
  - { oid: A, version: "1", items: [ { linkId: q, type: choice, options: [ "0", "1" ] } ] }
vitals: { heartRate: { plausible: "[40:200]" } }
)";

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  auto place = text.find(from);
  EXPECT_NE(place, text.npos) << from;
  return std::string(text).replace(place, from.size(), to);
}

TEST(StudyJson, ReadsTheDemoThatComesWithEpro) {
  auto study = parse_study_yaml(read_file(EPRO_DEMO_STUDY));
  ASSERT_TRUE(study) << study.error().describe() << study.error().field();
  EXPECT_EQ(study->oid, "DEMO");
  EXPECT_EQ(study->title, "Evening diary");
  EXPECT_EQ(study->skew_flag, 2min);
  EXPECT_GE(study->sites.size(), 2u);
  EXPECT_GE(study->patients.size(), 5u);
  EXPECT_EQ(study->patients[0], (Patient{kPatientId, "701", "701-1001", PatientStatus::kActive, {}}));
  EXPECT_EQ(study->vitals, default_vital_limits());
  Instrument diary = demo_study().instruments[0];
  diary.items[4].max_length = 2000;
  EXPECT_EQ(study->instruments, std::vector<Instrument>{diary});
}

TEST(StudyJson, FillsInWhatIsLeftOut) {
  auto study = parse_study_yaml(kSmall);
  ASSERT_TRUE(study) << study.error().describe() << study.error().field();
  EXPECT_EQ(study->ack_policy, AckPolicy::kFsync);
  EXPECT_EQ(study->skew_flag, 2min);
  EXPECT_EQ(study->late_grace, 0ms);
  EXPECT_EQ(study->sites[0].country, "NO") << "Norway, not false";
  EXPECT_EQ(study->patients[0].id, patient_id_of("S", "P001"));
  EXPECT_EQ(study->patients[0].status, PatientStatus::kActive);
  AllVitalLimits limits = default_vital_limits();
  limits[static_cast<std::size_t>(Vital::kHeartRate)].plausible = range("[40:200]");
  EXPECT_EQ(study->vitals, limits);
}

TEST(StudyJson, ReadsBackWhatItWrites) {
  Study study = demo_study();
  study.ack_policy = AckPolicy::kQuorum;
  study.skew_flag = 1501ms;
  study.late_grace = 90min;
  study.patients[1].status = PatientStatus::kWithdrawn;
  study.patients[1].withdrawn_at = at("2026-02-01T10:00:00.000001+05:30");
  study.vitals[static_cast<std::size_t>(Vital::kWeight)] = {range("[0.5:300]"), range("(0:)")};
  const std::string text = canonical_text(study);
  auto again = parse_study(text);
  ASSERT_TRUE(again) << again.error().describe() << again.error().field();
  EXPECT_EQ(*again, study);
  EXPECT_EQ(canonical_text(*again), text);
  EXPECT_EQ(*parse_study_yaml(text), study) << "JSON is YAML";
}

TEST(StudyJson, WritesNoPatientIntoTheDefinition) {
  Study study = demo_study();
  std::string text = definition_text(study);
  study.patients.clear();
  EXPECT_EQ(text, definition_text(study));
  EXPECT_EQ(*parse_study(text), study);
  EXPECT_EQ(replaced(canonical_text(study), R"("patients":[],)", ""), text);
}

TEST(StudyJson, NamesTheMemberAtFault) {
  struct Case {
    const char* from;
    const char* to;
    const char* pointer;
  };
  for (const Case& c : {
           Case{"study:", "Study:", "/Study"},
           {"oid: S", "oid: S, skewflag: 2m", "/study/skewflag"},
           {"oid: S", "oid: 7", "/study/oid"},
           {"title: Small, ", "", "/study/title"},
           {"region: eu", "region: eu, ackPolicy: best", "/study/ackPolicy"},
           {"region: eu", "region: eu, skewFlag: 2", "/study/skewFlag"},
           {"region: eu", "region: eu, lateGrace: 500us", "/study/lateGrace"},
           {R"(tz: Europe/Oslo)", "tz: Europe/Oslo, name: x", "/sites/0/name"},
           {R"(id: "1")", "id: 1", "/sites/0/id"},
           {"subjectKey: P001", "subjctKey: P001", "/patients/0/subjctKey"},
           {"subjectKey: P001", "subjectKey: P001, id: P001", "/patients/0/id"},
           {"subjectKey: P001", "subjectKey: P001, status: gone", "/patients/0/status"},
           {"subjectKey: P001", "subjectKey: P001, status: withdrawn, withdrawnAt: 2026-03-02", "/patients/0/withdrawnAt"},
           {R"(site: "1")", R"(site: "2")", "/patients/0/site"},
           {"[ { site", "[ 7, { site", "/patients/0"},
           {R"(version: "1",)", R"(version: "1", window: { opens: "17:00", due: "20:00" },)", "/instruments/0/window/closes"},
           {R"(version: "1",)", R"(version: "1", window: { opens: "5pm" },)", "/instruments/0/window/opens"},
           {R"(version: "1",)", R"(version: "1", title: x,)", "/instruments/0/title"},
           {"type: choice", "type: select", "/instruments/0/items/0/type"},
           {"type: choice", "type: choice, a/b: 1", "/instruments/0/items/0/a~1b"},
           {R"([ "0", "1" ])", "[ 0, 1 ]", "/instruments/0/items/0/options"},
           {R"(type: choice, options: [ "0", "1" ])", R"(type: integer, range: "0-10")", "/instruments/0/items/0/range"},
           {R"(type: choice, options: [ "0", "1" ])", R"(type: text, maxLength: 0)", "/instruments/0/items/0/maxLength"},
           {"heartRate:", "heartrate:", "/vitals/heartrate"},
           {"plausible:", "plausibel:", "/vitals/heartRate/plausibel"},
           {R"("[40:200]")", R"("[40:2000]")", "/vitals/heartRate/plausible"},
           {"instruments:", "instruments: {}\nx:", "/x"},
       }) {
    auto study = parse_study_yaml(replaced(kSmall, c.from, c.to));
    ASSERT_FALSE(study) << c.to;
    EXPECT_EQ(study.error(), sluice::Error(sluice::Code::kInvalidArgument).because("invalid-study").at(c.pointer))
        << c.to << " at " << study.error().field();
  }
  EXPECT_EQ(parse_study("[]").error().field(), "");
  EXPECT_EQ(parse_study("[]").error().reason(), "invalid-study");
}

TEST(StudyJson, PassesOnWhatMakesATextNoDocument) {
  EXPECT_EQ(parse_study("{").error().reason(), "malformed-json");
  EXPECT_EQ(parse_study_yaml("a: [").error().reason(), "malformed-yaml");
  EXPECT_EQ(parse_study_yaml("study: {oid: a}\nstudy: {oid: b}").error().reason(), "duplicate-key");
  EXPECT_EQ(parse_instrument("").error().reason(), "malformed-json");
}

}  // namespace
}  // namespace epro
