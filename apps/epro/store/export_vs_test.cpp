// SPDX-License-Identifier: MIT
#include <apps/epro/store/export_vs.hpp>

#include <gtest/gtest.h>

#include <sluice/runtime/fiber_test.hpp>

#include <apps/epro/record/sdtm.hpp>
#include <apps/epro/record/vitals_item.hpp>
#include <apps/epro/store/store_reader.hpp>
#include <apps/epro/store/store_fixture_test.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Context;
using sluice::on_processors;
using sluice::Result;

class ExportVs : public StoreTest {
 protected:
  /// Stores the entries and exports DEMO.
  std::string exported(Context& ctx, const std::vector<Made>& entries) {
    auto own = store();
    auto applied = apply(ctx, *own, entries);
    EXPECT_TRUE(applied) << applied.error().describe();
    return exported(ctx);
  }
  std::string exported(Context& ctx) {
    std::string text;
    auto reader = StoreReader::open(ctx, file());
    EXPECT_TRUE(reader) << reader.error().describe();
    auto done = export_vs(ctx, **reader, "DEMO", [&](std::string_view piece) -> Result<void> {
      text += piece;
      return {};
    });
    EXPECT_TRUE(done) << done.error().describe();
    return text;
  }
};

std::string text_of(const std::vector<CsvRow>& rows) {
  std::string text;
  append_csv_row(text, vs_header());
  for (const CsvRow& row : rows) append_csv_row(text, row);
  return text;
}

VsRow systolic(std::int64_t seq, std::string value) {
  return {.study = "DEMO", .subject = "701-1001", .seq = seq, .test_code = "SYSBP", .position = "SUPINE", .value = value,
          .unit = "mmHg", .std_value = value, .std_unit = "mmHg", .status = {}, .reason = {}, .date = "2013-12-26"};
}

VitalsItemEntry entry_of(const VsRow& row) {
  VitalsItem item = item_of(row, kPatientId).value();
  VitalsItemEntry entry;
  entry.id = item.id.text();
  entry.patient_id = item.patient_id.text();
  entry.payload = item.canonical;
  return entry;
}

TEST_F(ExportVs, GivesBackWhatCameFromATableInTheOrderOfItsNumbers) {
  on_processors(1, [&](Context& ctx) {
    const std::string text =
        exported(ctx, {study_entry(), vitals_entry({entry_of(systolic(2, "121")), entry_of(systolic(1, "120.0"))})});
    VsRow first = systolic(1, "120.0"), second = systolic(2, "121");
    first.std_value = "120";
    EXPECT_EQ(text, text_of({vs_cells(first), vs_cells(second)}));
  });
}

TEST_F(ExportVs, NumbersTheOthersBehindThemInTheOrderInWhichTheyCameIn) {
  on_processors(1, [&](Context& ctx) {
    auto own = store();
    std::vector<Made> entries{study_entry(),
                              vitals_entry({vitals_item(9, R"("heartRate":72)"), entry_of(systolic(7, "121"))}),
                              vitals_entry({vitals_item(1, R"("heartRate":73)")})};
    ASSERT_TRUE(apply(ctx, *own, entries));
    const std::string before = exported(ctx);
    EXPECT_LT(before.find(",7,SYSBP"), before.find(",8,HR,Heart Rate,,72"));
    EXPECT_LT(before.find(",8,HR,Heart Rate,,72"), before.find(",9,HR,Heart Rate,,73")) << before;
    entries.push_back(vitals_entry({vitals_item(5, R"("heartRate":74)")}));
    ASSERT_TRUE(apply(ctx, *own, entries));
    EXPECT_EQ(exported(ctx).substr(0, before.size()), before) << "what comes later changes no earlier number";
  });
}

TEST_F(ExportVs, LeavesQuarantineAndReportsOutAndSortsBySubject) {
  on_processors(1, [&](Context& ctx) {
    VitalsItemEntry bad = vitals_item(1, R"("spo2":140)");
    bad.judgement.findings = {{FindingCode::kValueNotAllowed, "/spo2"}};
    const Uuid unknown = uuid("ffffffff-0000-4000-8000-000000000000");
    const std::string text = exported(
        ctx, {study_entry(), report_entry(7), vitals_entry({bad, vitals_item(2, R"("heartRate":72)", unknown)}),
              vitals_entry({vitals_item(3, R"("heartRate":70)", patient_id_of("DEMO", "702-1001"))}),
              vitals_entry({vitals_item(4, R"("heartRate":71)")})});
    EXPECT_EQ(text.find("140"), std::string::npos);
    auto at = [&](std::string_view part) { return text.find(part); };
    EXPECT_LT(at("701-1001,1,HR"), at("702-1001,1,HR"));
    EXPECT_LT(at("702-1001,1,HR"), at(unknown.text() + ",1,HR")) << "known by the id alone\n" << text;
  });
}

TEST_F(ExportVs, OfAnUnknownStudyIsAnErrorAndATakersErrorEndsIt) {
  on_processors(1, [&](Context& ctx) {
    exported(ctx, {study_entry()});
    auto reader = StoreReader::open(ctx, file()).value();
    auto refuse = [](std::string_view) -> Result<void> { return sluice::fail(Code::kResourceExhausted); };
    EXPECT_EQ(export_vs(ctx, *reader, "NONE", refuse).error().code(), Code::kNotFound);
    EXPECT_EQ(export_vs(ctx, *reader, "DEMO", refuse).error().code(), Code::kResourceExhausted);
  });
}

TEST_F(ExportVs, KnowsTheStudiesThatHaveVitals) {
  on_processors(1, [&](Context& ctx) {
    Study other = demo_study();
    other.oid = "OTHER";
    exported(ctx, {study_entry(), study_entry(other), vitals_entry({vitals_item(1, R"("heartRate":72)")})});
    EXPECT_EQ(StoreReader::open(ctx, file()).value()->studies_with_vitals(ctx), std::vector<std::string>{"DEMO"});
  });
}

}  // namespace
}  // namespace epro
