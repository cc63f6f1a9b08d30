// SPDX-License-Identifier: MIT
#include <apps/epro/store/verify.hpp>

#include <gtest/gtest.h>

#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/fiber_test.hpp>

#include <apps/epro/store/store_fixture_test.hpp>

namespace epro {
namespace {

using sluice::Context;
using sluice::on_processors;
using sluice::Result;
using sluice::reservoir::Position;
using sluice::reservoir::Reservoir;

class Verify : public StoreTest {
 protected:
  std::unique_ptr<Reservoir> open_journal(Context& ctx) {
    auto opened = Reservoir::open(ctx, {.folder = folder_ / "journal"}, {clock_, log_, metrics_});
    EXPECT_TRUE(opened) << opened.error().describe();
    return *std::move(opened);
  }
  static Position acknowledge(Context& ctx, Reservoir& reservoir, const Made& made) {
    auto claim = reservoir.claim(ctx, made.candidates).value();
    const auto type = static_cast<std::uint8_t>(made.type);
    return reservoir.append(ctx, std::move(claim), type, reservoir.stamp(), made.payload).value();
  }
  /// Stores what the journal has, up to this position.
  void drain(Context& ctx, Reservoir& reservoir, Position last) {
    auto own = store(true, reservoir.journal_id());
    Position position = own->position(ctx).value().position;
    while (position < last) {
      auto records = reservoir.read(ctx, position, 1, 1).value();
      ASSERT_TRUE(own->apply(ctx, records));
      position = records.back().position;
    }
  }
  Verification check(Context& ctx) {
    auto found = verify(ctx, {folder_ / "journal", file()});
    EXPECT_TRUE(found) << found.error().describe();
    return found ? *std::move(found) : Verification{};
  }
  /// What is said of the first disagreement.
  std::string complaint(Context& ctx) {
    Verification found = check(ctx);
    return found.first.empty() ? "" : found.first.front().what;
  }
  /// Forbidden changes, past the triggers.
  void tamper(const std::string& change) {
    sql("DROP TRIGGER IF EXISTS submissions_no_update; DROP TRIGGER IF EXISTS submissions_no_delete;"
        "DROP TRIGGER IF EXISTS datapoints_no_delete; DELETE FROM datapoints; " + change);
  }
  /// A study, three reports and a batch of two, of which one report and one item are quarantined; all but the last is
  /// stored.
  std::unique_ptr<Reservoir> prepare(Context& ctx) {
    auto reservoir = open_journal(ctx);
    acknowledge(ctx, *reservoir, study_entry());
    acknowledge(ctx, *reservoir, report_entry(1));
    acknowledge(ctx, *reservoir, report_entry(2, {{FindingCode::kEmpty, "/items"}}));
    VitalsItemEntry bad = vitals_item(4, R"("spo2":140)");
    bad.judgement.findings = {{FindingCode::kValueNotAllowed, "/spo2"}};
    Position last = acknowledge(ctx, *reservoir, vitals_entry({vitals_item(3, R"("heartRate":72)"), bad}));
    acknowledge(ctx, *reservoir, report_entry(5));
    drain(ctx, *reservoir, last);
    return reservoir;
  }
};

TEST_F(Verify, CountsWhatWasAcknowledgedWhileTheServerRuns) {
  on_processors(1, [&](Context& ctx) {
    auto reservoir = prepare(ctx);
    Verification found = check(ctx);
    EXPECT_TRUE(found.agrees()) << found.first.front().what;
    EXPECT_EQ(found.acknowledged, 5u);
    EXPECT_EQ(found.stored, 2u);
    EXPECT_EQ(found.quarantined, 2u);
    EXPECT_EQ(found.in_reservoir, 1u);
    drain(ctx, *reservoir, reservoir->durable());
    found = check(ctx);
    EXPECT_TRUE(found.agrees()) << found.first.front().what;
    EXPECT_EQ(found.stored, 3u);
    EXPECT_EQ(found.in_reservoir, 0u);
    ASSERT_TRUE(reservoir->trim(ctx, reservoir->durable()));
    EXPECT_TRUE(check(ctx).agrees());
    EXPECT_TRUE(reservoir->close(ctx));
    EXPECT_TRUE(check(ctx).agrees());
  });
}

TEST_F(Verify, WithoutADatabaseEverythingIsInTheReservoir) {
  on_processors(1, [&](Context& ctx) {
    auto reservoir = open_journal(ctx);
    acknowledge(ctx, *reservoir, study_entry());
    acknowledge(ctx, *reservoir, report_entry(1));
    Verification found = check(ctx);
    EXPECT_TRUE(found.agrees());
    EXPECT_EQ(found.acknowledged, 1u);
    EXPECT_EQ(found.in_reservoir, 1u);
    EXPECT_TRUE(reservoir->close(ctx));
  });
}

TEST_F(Verify, WithoutAJournalIsAnError) {
  on_processors(1, [&](Context& ctx) {
    EXPECT_EQ(verify(ctx, {folder_ / "journal", file()}).error().code(), sluice::Code::kNotFound);
  });
}

TEST_F(Verify, WhatWasSetAsideIsAccountedFor) {
  on_processors(1, [&](Context& ctx) {
    auto reservoir = open_journal(ctx);
    acknowledge(ctx, *reservoir, study_entry());
    Made torn = report_entry(1);
    torn.payload.pop_back();
    drain(ctx, *reservoir, acknowledge(ctx, *reservoir, torn));
    Verification found = check(ctx);
    EXPECT_TRUE(found.agrees());
    EXPECT_EQ(found.set_aside, 1u);
    EXPECT_EQ(found.quarantined, 1u);
    EXPECT_TRUE(reservoir->close(ctx));
  });
}

TEST_F(Verify, NamesWhatIsMissing) {
  on_processors(1, [&](Context& ctx) {
    auto reservoir = prepare(ctx);
    tamper("DELETE FROM submissions WHERE submission_id = '" + numbered_id(1) + "'");
    Verification found = check(ctx);
    EXPECT_EQ(found.disagreements, 1u);
    EXPECT_EQ(found.first.front().position, 2u);
    EXPECT_NE(found.first.front().what.find("not in the store"), std::string::npos);
    EXPECT_TRUE(reservoir->close(ctx));
  });
}

TEST_F(Verify, NamesWhatNobodyAcknowledged) {
  on_processors(1, [&](Context& ctx) {
    auto reservoir = prepare(ctx);
    for (const char* place : {"2, 1", "4, 2"}) {
      tamper(std::string("INSERT INTO submissions SELECT study_oid, submission_id || 'x', receipt_id || 'x', kind,"
                         " patient_id, NULL, NULL, NULL, NULL, NULL, originator, NULL, NULL, NULL, received_at, ") + place +
             ", payload, payload_sha256, disposition, flags FROM submissions WHERE journal_pos = 3");
      EXPECT_NE(complaint(ctx).find("never acknowledged"), std::string::npos) << place;
      sql("DELETE FROM submissions WHERE submission_id LIKE '%x'");
    }
    EXPECT_TRUE(check(ctx).agrees());
    EXPECT_TRUE(reservoir->close(ctx));
  });
}

TEST_F(Verify, NamesAChangedPayloadHashReceiptOrPublication) {
  on_processors(1, [&](Context& ctx) {
    auto reservoir = prepare(ctx);
    const std::string where = " WHERE submission_id = '" + numbered_id(3) + "'";
    tamper("UPDATE submissions SET payload = payload || ' '" + where);
    EXPECT_NE(complaint(ctx).find("another hash"), std::string::npos);
    EXPECT_EQ(check(ctx).disagreements, 2u) << "nor is it what was acknowledged";
    sql("UPDATE submissions SET payload = CAST(rtrim(CAST(payload AS TEXT)) AS BLOB)" + where);
    EXPECT_TRUE(check(ctx).agrees());
    sql("UPDATE submissions SET receipt_id = 'r_0'" + where);
    EXPECT_NE(complaint(ctx).find("another receipt"), std::string::npos);
    sql("UPDATE publications SET sha256 = zeroblob(32)");
    EXPECT_NE(complaint(ctx).find("another content"), std::string::npos);
    EXPECT_TRUE(reservoir->close(ctx));
  });
}

TEST_F(Verify, NamesAStoreOfAnotherJournalOrAheadOfIt) {
  on_processors(1, [&](Context& ctx) {
    auto reservoir = prepare(ctx);
    sql("UPDATE drain_state SET journal_id = 'other'");
    EXPECT_NE(complaint(ctx).find("another journal"), std::string::npos);
    sql("UPDATE drain_state SET applied_pos = 99, journal_id = '" + reservoir->journal_id() + "'");
    Verification found = check(ctx);
    EXPECT_EQ(found.disagreements, 2u) << "the report that is not drained, and the position";
    EXPECT_TRUE(reservoir->close(ctx));
  });
}

TEST_F(Verify, ShowsTheFirstAndCountsTheRest) {
  on_processors(1, [&](Context& ctx) {
    auto reservoir = open_journal(ctx);
    acknowledge(ctx, *reservoir, study_entry());
    Position last = 0;
    for (std::uint64_t i = 0; i <= kDisagreementsShown; ++i) last = acknowledge(ctx, *reservoir, report_entry(i));
    drain(ctx, *reservoir, last);
    tamper("DELETE FROM submissions");
    Verification found = check(ctx);
    EXPECT_EQ(found.disagreements, kDisagreementsShown + 1);
    EXPECT_EQ(found.first.size(), kDisagreementsShown);
    EXPECT_TRUE(reservoir->close(ctx));
  });
}

}  // namespace
}  // namespace epro
