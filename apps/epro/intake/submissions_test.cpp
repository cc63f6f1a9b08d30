// SPDX-License-Identifier: MIT
#include <apps/epro/intake/submissions.hpp>

#include <array>

#include <apps/epro/intake/intake_test.hpp>
#include <apps/epro/record/journal_entry.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Context;
using sluice::in_virtual_time;

std::string id_text(int number) { return "6d0f2c8e-5d1a-4c55-9a57-0000000000" + std::to_string(10 + number); }

std::string diary(int number, std::string_view pain = "4", std::string_view patient = kPatient) {
  return R"({"submissionId":")" + id_text(number) + R"(","patientId":")" + std::string(patient) +
         R"(","device":{"id":"phone-1","epoch":1,"seq":)" + std::to_string(number) +
         R"(},"instrument":{"oid":"EVD","version":"1"},"originator":"patient",)"
         R"("capturedAt":"2026-03-02T20:03:11.120+01:00","sentAt":"2026-03-02T20:03:12.004+01:00",)"
         R"("items":[{"linkId":"pain","value":)" + std::string(pain) + "}]}";
}

// A world with DEMO in it, and its front door.
struct Intake : World {
  Intake(Context& ctx, const std::filesystem::path& folder) : World(ctx, folder) {
    EXPECT_TRUE(studies->publish(ctx, demo_with_withdrawn()));
    demo = studies->find("DEMO");
  }
  std::shared_ptr<const PublishedStudy> demo;
  Submissions submissions{*reservoir, "node-1"};
};

TEST(Submissions, AReportIsDurableBeforeItsReceiptIsThere) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Intake intake(ctx, scratch.path());
    auto submitted = intake.submissions.submit(ctx, *intake.demo, diary(1), Handling::kLenient);
    ASSERT_TRUE(submitted) << submitted.error().describe();
    EXPECT_TRUE(submitted->is_new);
    EXPECT_EQ(submitted->receipt.note.disposition, Disposition::kAccepted);
    EXPECT_LE(submitted->receipt.journal.pos, intake.reservoir->durable());
    auto records = intake.reservoir->read(ctx, submitted->receipt.journal.pos - 1, 1, 1 << 20);
    ASSERT_TRUE(records);
    auto entry = decode_report(records->front().payload);
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->payload, diary(1)) << "byte for byte";
    EXPECT_EQ(entry->judgement.receipt_id, submitted->receipt.id);
    intake.close(ctx);
  });
}

TEST(Submissions, AReplayGetsTheSameReceiptAlsoAfterARestartAndAnotherDefinition) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    std::string first;
    {
      Intake intake(ctx, scratch.path());
      first = to_json(intake.submissions.submit(ctx, *intake.demo, diary(1, "11"), Handling::kLenient)->receipt);
      auto again = intake.submissions.submit(ctx, *intake.demo, diary(1, "11"), Handling::kLenient);
      ASSERT_TRUE(again);
      EXPECT_FALSE(again->is_new);
      EXPECT_EQ(to_json(again->receipt), first);
      intake.close(ctx);
    }
    Intake intake(ctx, scratch.path());
    auto study = demo_with_withdrawn();
    auto newer = study.instruments[0];
    newer.version = "2";
    study.instruments.push_back(newer);
    ASSERT_TRUE(intake.studies->publish(ctx, study));
    auto again = intake.submissions.submit(ctx, *intake.studies->find("DEMO"), diary(1, "11"), Handling::kLenient);
    ASSERT_TRUE(again);
    EXPECT_FALSE(again->is_new);
    EXPECT_EQ(to_json(again->receipt), first);
    intake.close(ctx);
  });
}

TEST(Submissions, AnotherContentUnderTheSameIdIsRefusedAndTheFirstStands) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Intake intake(ctx, scratch.path());
    ASSERT_TRUE(intake.submissions.submit(ctx, *intake.demo, diary(1, "4"), Handling::kLenient));
    auto other = intake.submissions.submit(ctx, *intake.demo, diary(1, "5"), Handling::kLenient);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().reason(), "submission-id-reused");
    EXPECT_TRUE(intake.submissions.submit(ctx, *intake.demo, diary(1, "4"), Handling::kLenient));
    intake.close(ctx);
  });
}

TEST(Submissions, OfManyEqualOnesAtTheSameMomentOneIsNewAndAllGetItsReceipt) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Intake intake(ctx, scratch.path());
    constexpr std::size_t kCallers = 64;
    std::array<std::string, kCallers> receipts;
    int fresh = 0;
    sluice::TaskGroup group{ctx};
    for (std::size_t i = 0; i < kCallers; ++i)
      group.go([&, i](Context& own) {
        auto submitted = intake.submissions.submit(own, *intake.demo, diary(1), Handling::kLenient);
        ASSERT_TRUE(submitted) << submitted.error().describe();
        receipts[i] = to_json(submitted->receipt);
        fresh += submitted->is_new ? 1 : 0;
      });
    ASSERT_TRUE(group.wait());
    EXPECT_EQ(fresh, 1);
    for (const std::string& receipt : receipts) EXPECT_EQ(receipt, receipts[0]);
    intake.close(ctx);
  });
}

TEST(Submissions, WhatCannotBeUsedIsQuarantinedOrRefusedAtTheSendersWish) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Intake intake(ctx, scratch.path());
    auto strict = intake.submissions.submit(ctx, *intake.demo, diary(1, "11"), Handling::kStrict);
    ASSERT_FALSE(strict);
    EXPECT_EQ(strict.error().reason(), "value-not-allowed");
    EXPECT_EQ(strict.error().field(), "/items/0/value");
    auto lenient = intake.submissions.submit(ctx, *intake.demo, diary(1, "11"), Handling::kLenient);
    ASSERT_TRUE(lenient);
    EXPECT_EQ(lenient->receipt.note.disposition, Disposition::kQuarantined);
    auto replay = intake.submissions.submit(ctx, *intake.demo, diary(1, "11"), Handling::kStrict);
    ASSERT_TRUE(replay) << "it is in; whoever asks again is told so";
    EXPECT_FALSE(replay->is_new);
    auto withdrawn = intake.submissions.submit(ctx, *intake.demo, diary(2, "4", kWithdrawn), Handling::kLenient);
    ASSERT_TRUE(withdrawn);
    EXPECT_EQ(withdrawn->receipt.note.findings.front().code, FindingCode::kPatientWithdrawn);
    intake.close(ctx);
  });
}

TEST(Submissions, WhoDoesNotTakePartIsRefused) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Intake intake(ctx, scratch.path());
    auto stranger = intake.submissions.submit(ctx, *intake.demo, diary(1, "4", "00000000-0000-4000-8000-00000000dead"),
                                              Handling::kLenient);
    ASSERT_FALSE(stranger);
    EXPECT_EQ(stranger.error().code(), Code::kPermissionDenied);
    EXPECT_EQ(stranger.error().field(), "/patientId");
    intake.close(ctx);
  });
}

TEST(Submissions, AReceiptIsFoundByBothIdsAndTellsHowFarTheReportHasCome) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Intake intake(ctx, scratch.path());
    auto good = intake.submissions.submit(ctx, *intake.demo, diary(1), Handling::kLenient)->receipt;
    auto bad = intake.submissions.submit(ctx, *intake.demo, diary(2, "11"), Handling::kLenient)->receipt;
    auto state = [&](std::string_view id) {
      auto found = intake.submissions.find("DEMO", id);
      return found ? to_string(found->state) : "none";
    };
    EXPECT_EQ(state(good.id), "journaled");
    EXPECT_EQ(state(id_text(1)), "journaled");
    ASSERT_TRUE(intake.reservoir->trim(ctx, intake.reservoir->durable()));
    EXPECT_EQ(state(good.id), "stored");
    EXPECT_EQ(state(bad.id), "quarantined");
    EXPECT_EQ(state(id_text(3)), "none");
    EXPECT_EQ(state("r_nonsense"), "none");
    EXPECT_FALSE(intake.submissions.find("OTHER", good.id)) << "a receipt of another study";
    EXPECT_FALSE(intake.submissions.find("OTHER", id_text(1)));
    intake.close(ctx);
  });
}

TEST(Submissions, TellTheNextReportFromWhatTheDeviceSaidBefore) {
  sluice::ScratchFolder scratch;
  in_virtual_time([&](Context& ctx) {
    Intake intake(ctx, scratch.path());
    ASSERT_TRUE(intake.submissions.submit(ctx, *intake.demo, diary(1), Handling::kLenient));
    std::string travelled = diary(2);
    travelled.replace(travelled.find("+01:00"), 6, "+02:00");
    auto submitted = intake.submissions.submit(ctx, *intake.demo, travelled, Handling::kLenient);
    ASSERT_TRUE(submitted);
    EXPECT_TRUE(submitted->receipt.note.flags.has(Flag::kTzChanged));
    intake.close(ctx);
  });
}

}  // namespace
}  // namespace epro
