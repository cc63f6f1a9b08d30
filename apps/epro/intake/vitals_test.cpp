// SPDX-License-Identifier: MIT
#include <apps/epro/intake/vitals.hpp>

#include <apps/epro/intake/intake_test.hpp>
#include <apps/epro/record/journal_entry.hpp>

namespace epro {
namespace {

using sluice::Context;
using sluice::in_virtual_time;
using sluice::Result;

std::string item(int number, std::string_view rest, std::string_view patient = kPatient) {
  return R"({"id":"11111111-1111-4111-8111-0000000000)" + std::to_string(10 + number) + R"(","patientId":")" +
         std::string(patient) + R"(","effectiveAt":"2026-03-02T20:00:00+01:00",)" + std::string(rest) + "}";
}

std::vector<Result<VitalsItem>> batch(std::initializer_list<std::string> items) {
  std::vector<Result<VitalsItem>> read;
  for (const std::string& each : items) read.push_back(parse_vitals_item(each));
  return read;
}

struct Intake : World {
  Intake(Context& ctx, const std::filesystem::path& folder, sluice::reservoir::ReservoirOptions options = {})
      : World(ctx, folder, options) {
    EXPECT_TRUE(studies->publish(ctx, demo_with_withdrawn()));
    demo = studies->find("DEMO");
  }
  std::shared_ptr<const PublishedStudy> demo;
  Vitals vitals{*reservoir};
};

Result<std::vector<ItemResult>> submit(Context& ctx, Intake& intake, const std::vector<Result<VitalsItem>>& items,
                                       BatchMode mode = BatchMode::kIndependent) {
  SLUICE_TRY(BatchResult batch, intake.vitals.submit(ctx, *intake.demo, items, mode));
  return std::move(batch.items);
}

std::string outcomes(const std::vector<ItemResult>& results) {
  std::string all;
  for (const ItemResult& result : results) all.append(to_string(result.outcome)).append(" ");
  return all;
}

TEST(Vitals, JudgesEachItemByItselfAndInOrder) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Intake intake(ctx, scratch.path());
    auto items = batch({item(1, R"("heartRate":72)"), item(2, R"("spo2":140)"), "[]",
                        item(4, R"("heartRate":72)", "00000000-0000-4000-8000-00000000dead"), item(5, R"("heartRate":0)"),
                        item(6, R"("heartRate":72)", kWithdrawn)});
    auto results = submit(ctx, intake, items);
    ASSERT_TRUE(results) << results.error().describe();
    EXPECT_EQ(outcomes(*results), "created quarantined invalid invalid created quarantined ");
    EXPECT_EQ((*results)[1].pointer, "/spo2");
    EXPECT_EQ((*results)[2].code, "invalid-envelope");
    EXPECT_EQ((*results)[3].pointer, "/patientId");
    EXPECT_EQ((*results)[4].alerts, std::vector<std::string>{"heart-rate-zero"});
    EXPECT_EQ((*results)[5].code, "patient-withdrawn");
    intake.close(ctx);
  });
}

TEST(Vitals, ABatchIsOneRecordOfWhatWasNew) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Intake intake(ctx, scratch.path());
    ASSERT_TRUE(submit(ctx, intake, batch({item(1, R"("heartRate":72)")})));
    auto before = intake.reservoir->durable();
    auto results = submit(ctx, intake,
                          batch({item(1, R"("heartRate":72)"), item(2, R"("heartRate":80)"),
                                 item(1, R"("heartRate":73)"), item(2, R"("heartRate":80)")}));
    ASSERT_TRUE(results);
    EXPECT_EQ(outcomes(*results), "duplicate created conflict duplicate ");
    EXPECT_EQ(intake.reservoir->durable(), before + 1);
    auto records = intake.reservoir->read(ctx, before, 1, 1 << 20);
    ASSERT_TRUE(records);
    auto entry = decode_vitals(records->front().payload);
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->items.size(), 1u);
    auto again = submit(ctx, intake, batch({item(2, R"("heartRate":80)")}));
    EXPECT_EQ(outcomes(*again), "duplicate ");
    EXPECT_EQ(intake.reservoir->durable(), before + 1) << "a replay writes nothing";
    intake.close(ctx);
  });
}

TEST(Vitals, AnAtomicBatchIsInAsAWholeOrNotAtAll) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Intake intake(ctx, scratch.path());
    auto before = intake.reservoir->durable();
    for (const std::string& bad : {std::string("[]"), item(2, R"("spo2":140)")}) {
      auto batch_of_two = batch({item(1, R"("heartRate":72)"), bad});
      auto refused = intake.vitals.submit(ctx, *intake.demo, batch_of_two, BatchMode::kAtomic);
      ASSERT_TRUE(refused);
      EXPECT_FALSE(refused->is_taken);
      EXPECT_EQ(intake.reservoir->durable(), before);
    }
    auto good = batch({item(1, R"("heartRate":72)"), item(2, R"("heartRate":80)")});
    auto taken = intake.vitals.submit(ctx, *intake.demo, good, BatchMode::kAtomic);
    ASSERT_TRUE(taken);
    EXPECT_TRUE(taken->is_taken);
    EXPECT_EQ(outcomes(taken->items), "created created ") << "the refused attempts have left no claim behind";
    EXPECT_TRUE(intake.vitals.submit(ctx, *intake.demo, good, BatchMode::kAtomic)->is_taken) << "a replay is no fault";
    intake.close(ctx);
  });
}

TEST(Vitals, AFullReservoirTakesNothingOfABatchButStillKnowsReplays) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Intake intake(ctx, scratch.path(), {.folder = {}, .bytes_max = 4096, .segment_bytes = 1 << 20});
    int number = 1;
    auto submit_one = [&](int each) { return submit(ctx, intake, batch({item(each, R"("heartRate":72)")})); };
    while (submit_one(number)) ASSERT_LT(++number, 80);
    auto refused = submit(ctx, intake, batch({item(1, R"("heartRate":72)"), item(88, R"("heartRate":7)")}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason(), "reservoir-full");
    EXPECT_EQ(outcomes(*submit_one(1)), "duplicate ");
    ASSERT_TRUE(intake.reservoir->trim(ctx, intake.reservoir->durable()));
    EXPECT_TRUE(submit_one(number)) << "drained, it takes more";
    intake.close(ctx);
  });
}

TEST(Vitals, AHeartRateOfSomebodyUnknownMakesThemASubject) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Intake intake(ctx, scratch.path());
    auto before = intake.reservoir->durable();
    auto result = intake.vitals.submit_heart_rate(ctx, *intake.demo, "P001", 72, derive_uuid({"test", "1"}));
    ASSERT_TRUE(result) << result.error().describe();
    EXPECT_EQ(result->outcome, ItemOutcome::kCreated);
    auto entry = decode_vitals(intake.reservoir->read(ctx, before, 1, 1 << 20)->front().payload);
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->items.at(0).new_subject_key, "P001");
    EXPECT_EQ(entry->items.at(0).patient_id, patient_id_of("DEMO", "P001").text());
    EXPECT_EQ(intake.vitals.submit_heart_rate(ctx, *intake.demo, "P001", -1, derive_uuid({"test", "2"}))->outcome,
              ItemOutcome::kQuarantined);
    intake.close(ctx);
  });
}

}  // namespace
}  // namespace epro
