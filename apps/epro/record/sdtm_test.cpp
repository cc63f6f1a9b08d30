// SPDX-License-Identifier: MIT
#include <apps/epro/record/sdtm.hpp>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <zlib.h>

#include <apps/epro/record/datapoint.hpp>
#include <apps/epro/record/judge_vitals.hpp>
#include <apps/epro/record/record_test.hpp>
#include <apps/epro/record/vitals_item.hpp>

namespace epro {
namespace {

using sluice::Result;

constexpr std::string_view kTable =
    "STUDYID,DOMAIN,USUBJID,VSSEQ,VSTESTCD,VSTEST,VSPOS,VSORRES,VSORRESU,VSSTAT,VSREASND,VSDTC\n"
    "S1,VS,01-1015,1,DIABP,Diastolic,SUPINE,64,mmHg,,,2013-12-26\n"
    "S1,VS,01-1015,2,SYSBP,Systolic,STANDING,16.5,kPa,,,2013-12-26T08:30\n"
    "S1,VS,01-1015,3,PULSE,Pulse,,61.50,BEATS/MIN,,,2013-12-26T08:30:00+01:00\n"
    "S1,VS,01-1015,4,HR,Heart Rate,,0,beats/min,,,2013-12-26\n"
    "S1,VS,01-1015,5,TEMP,Temperature,,98.60,F,,,2013-12-26\n"
    "S1,VS,01-1015,6,WEIGHT,Weight,,120.5,LB,,,2013-12-26\n"
    "S1,VS,01-1015,7,HEIGHT,Height,,58.0,IN,,,2013-12-26\n"
    "S1,VS,01-1015,8,RESP,Respiratory Rate,,14.0,BREATHS/MIN,,,2013-12-26\n"
    "S1,VS,01-1015,9,OXYSAT,Oxygen Saturation,,97,%,,,2013-12-26\n"
    "S1,VS,01-1015,10,WEIGHT,Weight,,,,NOT DONE,,2013-12-26\n"
    "S1,VS,01-1015,11,HEIGHT,Height,,,cm,NOT DONE,SUBJECT IN WHEELCHAIR,2013-12-26\n";

std::vector<CsvRow> cells_of(std::string_view table) {
  CsvReader reader;
  return reader.feed(table).value();
}

std::vector<VsRow> rows_of(std::string_view table) {
  std::vector<CsvRow> cells = cells_of(table);
  VsColumns columns = VsColumns::of(cells.front()).value();
  std::vector<VsRow> rows;
  for (std::size_t i = 1; i < cells.size(); ++i) rows.push_back(columns.read(cells[i]).value());
  return rows;
}

VsRow row_of(std::size_t seq) { return rows_of(kTable).at(seq - 1); }

/// The whole way of a row: over the wire, into the store and out again. `row` without what its standardised result adds.
Result<VsRow> there_and_back(const VsRow& row) {
  SLUICE_TRY(VitalsItem sent, item_of(row, patient_id_of(row.study, row.subject)));
  SLUICE_TRY(VitalsItem received, parse_vitals_item(sent.canonical));
  if (received.canonical != sent.canonical) return sluice::fail(sluice::Code::kInternal, "the canonical text changed");
  std::vector<Datapoint> points = datapoints_of(received);
  if (points.size() != 1) return sluice::fail(sluice::Code::kInternal, "no single datapoint");
  std::optional<VsRow> back = vs_row_of(points.front(), received.sdtm, row.study, row.subject);
  if (!back) return sluice::fail(sluice::Code::kInternal, "no row");
  back->std_value.clear();
  back->std_unit.clear();
  return *back;
}

TEST(Sdtm, GivesEveryRowBackAsItWasWritten) {
  for (const VsRow& row : rows_of(kTable)) {
    auto back = there_and_back(row);
    ASSERT_TRUE(back) << row.seq << ' ' << back.error().describe();
    EXPECT_EQ(*back, row) << row.seq;
  }
}

TEST(Sdtm, MakesTheSameItemOfTheSameRow) {
  VsRow row = row_of(3);
  VitalsItem item = item_of(row, kPatientId).value();
  EXPECT_EQ(item_of(row, kPatientId)->id, item.id);
  EXPECT_EQ(item_of(row, kPatientId)->canonical, item.canonical);
  EXPECT_NE(item_of(row_of(4), kPatientId)->id, item.id);
  EXPECT_EQ(item.effective_at->at, at("2013-12-26T07:30:00Z"));
  EXPECT_EQ(item.canonical,
            R"({"effectiveAt":"2013-12-26T08:30:00+01:00","heartRate":61.50,"id":")" + item.id.text() +
                R"(","patientId":"00000000-0000-4000-8000-000000900001",)"
                R"("sdtm":{"date":"2013-12-26T08:30:00+01:00","seq":3,"testCode":"PULSE","unit":"BEATS/MIN"}})");
}

TEST(Sdtm, TakesADateForItsNoonAndATimeWithoutOffsetForUtc) {
  EXPECT_EQ(item_of(row_of(1), kPatientId)->effective_at->at, at("2013-12-26T12:00:00Z"));
  EXPECT_EQ(item_of(row_of(2), kPatientId)->effective_at->at, at("2013-12-26T08:30:00Z"));
}

TEST(Sdtm, AddsTheStandardisedResult) {
  VitalsItem item = item_of(row_of(5), kPatientId).value();
  VsRow back = vs_row_of(datapoints_of(item).front(), item.sdtm, "S1", "01-1015").value();
  EXPECT_EQ(back.std_value, "37");
  EXPECT_EQ(back.std_unit, "C");
  EXPECT_EQ(vs_cells(back), (CsvRow{"S1", "VS", "01-1015", "5", "TEMP", "Temperature", "", "98.60", "F", "37", "37", "C", "",
                                    "", "2013-12-26"}));
  EXPECT_EQ(vs_header().size(), vs_cells(back).size());
}

TEST(Sdtm, WritesAMeasurementOfOurOwnInItsTerms) {
  VitalsItem item = parse_vitals_item(R"({"id":"11111111-1111-4111-8111-000000000001",
      "patientId":"00000000-0000-4000-8000-000000900001","effectiveAt":"2026-03-02T20:03:11+01:00","heartRate":72,
      "weight":180,"weightUnit":"[lb_av]"})").value();
  std::vector<Datapoint> points = datapoints_of(item);
  VsRow pulse = vs_row_of(points[0], item.sdtm, "DEMO", "701-1001").value();
  EXPECT_EQ(vs_cells(pulse), (CsvRow{"DEMO", "VS", "701-1001", "0", "HR", "Heart Rate", "", "72", "beats/min", "72", "72",
                                     "beats/min", "", "", "2026-03-02T20:03:11+01:00"}));
  EXPECT_EQ(vs_row_of(points[1], {}, "DEMO", "701-1001")->unit, "LB");
  points[0].code = "55284-4";
  EXPECT_EQ(vs_row_of(points[0], {}, "DEMO", "701-1001"), std::nullopt);
}

TEST(Sdtm, DoesNotBelieveASourceThatContradictsTheMeasurement) {
  auto row_with = [](std::size_t seq, const char* test_code, const char* unit) {
    VitalsItem item = item_of(row_of(seq), kPatientId).value();
    SdtmSource source{7, test_code, unit, "2013-12-26"};
    return vs_row_of(datapoints_of(item).front(), source, "S1", "01-1015").value();
  };
  EXPECT_EQ(row_with(1, "DIABP", "mmHg").seq, 7);
  EXPECT_EQ(row_with(1, "SYSBP", "mmHg").test_code, "DIABP");
  EXPECT_EQ(row_with(1, "SYSBP", "mmHg").seq, 0);
  EXPECT_EQ(row_with(1, "BMI", "mmHg").test_code, "DIABP");
  EXPECT_EQ(row_with(6, "WEIGHT", "kg").unit, "LB");
  EXPECT_EQ(row_with(6, "WEIGHT", "").unit, "LB");
}

TEST(Sdtm, RefusesARowThatItCouldNotGiveBack) {
  struct Case {
    const char* column;
    std::string VsRow::*cell;
    const char* text;
    std::size_t seq = 1;
  };
  for (const Case& c : {
           Case{"VSTESTCD", &VsRow::test_code, "BMI"},
           {"VSORRES", &VsRow::value, "<5"},
           {"VSORRES", &VsRow::value, "064"},
           {"VSORRES", &VsRow::value, "64 "},
           {"VSORRES", &VsRow::value, "1e999"},
           {"VSORRESU", &VsRow::unit, "bar"},
           {"VSORRESU", &VsRow::unit, "C"},
           {"VSORRESU", &VsRow::unit, ""},
           {"VSSTAT", &VsRow::status, "NOT DONE"},
           {"VSSTAT", &VsRow::value, ""},
           {"VSREASND", &VsRow::reason, "why, if it was done?"},
           {"VSREASND", &VsRow::reason, "a\nb", 10},
           {"VSREASND", &VsRow::reason, "not-performed", 10},
           {"VSPOS", &VsRow::position, "a\nb"},
           {"VSDTC", &VsRow::date, "2013-02-30"},
           {"VSDTC", &VsRow::date, "2013-12"},
           {"VSDTC", &VsRow::date, ""},
       }) {
    VsRow row = row_of(c.seq);
    row.*c.cell = c.text;
    auto item = item_of(row, kPatientId);
    ASSERT_FALSE(item) << c.column << ' ' << c.text;
    EXPECT_EQ(item.error(), sluice::Error(sluice::Code::kInvalidArgument).because("bad-vs").at(c.column)) << c.text;
  }
}

TEST(VsColumns, NamesTheColumnThatIsMissingOrThereTwice) {
  auto columns = [](std::string_view header) { return VsColumns::of(cells_of(header).front()); };
  EXPECT_EQ(columns("STUDYID,USUBJID,VSSEQ,VSTESTCD,VSORRES,VSDTC\n").error().field(), "VSORRESU");
  EXPECT_EQ(columns("STUDYID,USUBJID,VSSEQ,VSTESTCD,VSORRES,VSORRESU,VSDTC,VSPOS,VSPOS\n").error().field(), "VSPOS");
  EXPECT_TRUE(columns("VSDTC,VSORRESU,VSORRES,VSTESTCD,VSSEQ,USUBJID,STUDYID\n"));
}

TEST(VsColumns, RefusesARowOfAnotherWidthOrWithoutNumber) {
  VsColumns columns = VsColumns::of({"STUDYID", "USUBJID", "VSSEQ", "VSTESTCD", "VSORRES", "VSORRESU", "VSDTC"}).value();
  EXPECT_TRUE(columns.read({"S1", "1", "7", "HR", "72", "beats/min", "2013-12-26"}));
  EXPECT_FALSE(columns.read({"S1", "1", "7", "HR", "72", "beats/min"}));
  for (const char* seq : {"", "0", "-1", "1.0", "x", "7 "})
    EXPECT_EQ(columns.read({"S1", "1", seq, "HR", "72", "beats/min", "2013-12-26"}).error().field(), "VSSEQ") << seq;
}

// ---- the CDISC pilot, where it is at hand ----

std::string inflate_file(const char* path) {
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path, "rb"), gzclose);
  std::string text;
  char piece[65536];
  for (int size = 0; file && (size = gzread(file.get(), piece, sizeof piece)) > 0;) text.append(piece, static_cast<std::size_t>(size));
  return text;
}

TEST(Sdtm, GivesTheWholeCdiscPilotBack) {
  const std::string table = inflate_file(EPRO_PILOT_VS);
  if (table.empty()) GTEST_SKIP() << "NOT TESTED: there is no " << EPRO_PILOT_VS;
  const std::vector<VsRow> rows = rows_of(table);
  EXPECT_EQ(rows.size(), 29'643u);
  Study study = demo_study();
  Patient& patient = study.patients[0];
  std::size_t accepted = 0;
  for (const VsRow& row : rows) {
    auto back = there_and_back(row);
    ASSERT_TRUE(back) << row.subject << ' ' << row.seq << ": " << back.error().describe();
    ASSERT_EQ(*back, row) << row.subject << ' ' << row.seq;
    patient.id = patient_id_of(row.study, row.subject);
    accepted += judge_vitals(*item_of(row, patient.id), study, patient, kReceived).findings.empty();
  }
  EXPECT_EQ(accepted, rows.size()) << "all of it can be stored and exported";
}

}  // namespace
}  // namespace epro
