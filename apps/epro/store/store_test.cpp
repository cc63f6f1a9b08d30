// SPDX-License-Identifier: MIT
#include <apps/epro/store/store.hpp>

#include <fstream>

#include <gtest/gtest.h>

#include <sluice/runtime/fiber_test.hpp>

#include <apps/epro/store/schema.hpp>
#include <apps/epro/store/store_fixture_test.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Context;
using sluice::on_processors;
using sluice::reservoir::Record;

/// Holds the write lock from the outside, as a stuck maintenance job would.
class Lock {
 public:
  explicit Lock(const std::filesystem::path& file) {
    EXPECT_EQ(sqlite3_open(file.c_str(), &handle_), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  }
  ~Lock() { sqlite3_close(handle_); }

 private:
  sqlite3* handle_ = nullptr;
};

TEST_F(StoreTest, StoresAReportWithItsOriginalItsValuesAndItsTimes) {
  on_processors(1, [&](Context& ctx) {
    Made report = report_entry(1, {}, R"([{"linkId":"pain","value":4},{"linkId":"pulse","value":72.0}])");
    auto own = store();
    ASSERT_EQ(own->position(ctx)->position, 0u);
    ASSERT_TRUE(apply(ctx, *own, {study_entry(), report}));
    EXPECT_EQ(own->position(ctx)->position, 2u);
    auto original = decode_report(report.payload).value();
    EXPECT_EQ(sql("SELECT CAST(payload AS TEXT) FROM submissions"), original.payload);
    EXPECT_EQ(sql("SELECT lower(hex(payload_sha256)) FROM submissions"), sluice::to_hex(hash_of(original.payload)));
    EXPECT_EQ(sql("SELECT submission_id || ' ' || receipt_id FROM submissions"),
              numbered_id(1) + " " + original.judgement.receipt_id);
    EXPECT_EQ(sql("SELECT kind || device_id || device_epoch || device_seq || instrument_oid || instrument_ver || originator"
                  " || captured_tz_min || disposition || flags FROM submissions"),
              "reportphone-114711EVD1patient60accepted");
    EXPECT_EQ(sql("SELECT captured_at FROM submissions"), std::to_string(kCaptured.time_since_epoch().count()));
    EXPECT_EQ(sql("SELECT received_at FROM submissions"), std::to_string(kReceived.time_since_epoch().count()));
    EXPECT_EQ(sql("SELECT group_concat(code || '=' || value_text, ' ') FROM datapoints"), "pain=4 pulse=72.0");
  });
}

TEST_F(StoreTest, AQuarantinedReportHasFindingsAndNoValues) {
  on_processors(1, [&](Context& ctx) {
    auto own = store();
    ASSERT_TRUE(apply(ctx, *own, {study_entry(), report_entry(1, {{FindingCode::kItemUnknown, "/items/0/linkId"}})}));
    EXPECT_EQ(sql("SELECT disposition FROM submissions"), "quarantined");
    EXPECT_EQ(sql("SELECT code || ' ' || pointer FROM quarantine"), "item-unknown /items/0/linkId");
    EXPECT_EQ(sql("SELECT count(*) FROM datapoints"), "0");
  });
}

TEST_F(StoreTest, ABatchGivesARowPerItemAlertsAndNewSubjects) {
  on_processors(1, [&](Context& ctx) {
    VitalsItemEntry first = vitals_item(1, R"("systolic":121,"diastolic":79.0)");
    VitalsItemEntry second = vitals_item(2, R"("heartRate":0)", patient_id_of("DEMO", "P001"));
    second.new_subject_key = "P001";
    second.alerts = {"heart-rate-zero"};
    auto own = store();
    ASSERT_TRUE(apply(ctx, *own, {study_entry(), vitals_entry({first, second})}));
    EXPECT_EQ(sql("SELECT group_concat(journal_pos || '/' || journal_ordinal || ' ' || kind, ',') FROM submissions"),
              "2/0 vitals,2/1 vitals");
    EXPECT_EQ(sql("SELECT group_concat(value_text || ' ' || unit, ',') FROM datapoints"), "121 mm[Hg],79.0 mm[Hg],0 /min");
    EXPECT_EQ(sql("SELECT rule_id FROM alerts WHERE patient_id = '" + patient_id_of("DEMO", "P001").text() + "'"),
              "heart-rate-zero");
    EXPECT_EQ(sql("SELECT subject_key FROM patients WHERE site_id IS NULL"), "P001");
  });
}

TEST_F(StoreTest, AStudysNextRevisionTakesItsPlace) {
  on_processors(1, [&](Context& ctx) {
    Study next = demo_study();
    next.title = "Morning diary";
    next.patients[0].status = PatientStatus::kWithdrawn;
    auto own = store();
    ASSERT_TRUE(apply(ctx, *own, {study_entry(), study_entry(next, 2)}));
    EXPECT_EQ(sql("SELECT title FROM studies"), "Morning diary");
    EXPECT_EQ(sql("SELECT group_concat(status || row_version, ' ') FROM patients"), "withdrawn2 screening1");
    EXPECT_EQ(sql("SELECT count(*) FROM instruments"), "2");
    EXPECT_EQ(sql("SELECT group_concat(revision) FROM publications"), "1,2");
    EXPECT_EQ(sql("SELECT definition FROM studies").find("patients"), std::string::npos);
  });
}

TEST_F(StoreTest, RecordsThatItHasAreNotStoredTwice) {
  on_processors(1, [&](Context& ctx) {
    auto own = store();
    ASSERT_TRUE(apply(ctx, *own, {study_entry(), report_entry(1)}));
    ASSERT_TRUE(apply(ctx, *own, {study_entry(), report_entry(1), report_entry(2)}));
    EXPECT_EQ(sql("SELECT count(*) FROM submissions"), "2");
    EXPECT_EQ(sql("SELECT count(*) FROM set_aside"), "0");
    EXPECT_EQ(own->position(ctx)->position, 3u);
  });
}

TEST_F(StoreTest, RefusesRecordsBehindAGap) {
  on_processors(1, [&](Context& ctx) {
    auto own = store();
    for (const auto& records : {std::vector<Record>{report_entry(1).at(2)},
                                std::vector<Record>{study_entry().at(1), report_entry(1).at(3)}})
      EXPECT_EQ(own->apply(ctx, records).error().code(), Code::kFailedPrecondition);
    EXPECT_EQ(own->position(ctx).value(), sluice::reservoir::Stored{}) << "nothing of them";
  });
}

TEST_F(StoreTest, RemembersWhichRecordItWasGivenLast) {
  on_processors(1, [&](Context& ctx) {
    using sluice::reservoir::Stored;
    const Stored first{1, fingerprint_of(study_entry().at(1))}, second{2, fingerprint_of(report_entry(1).at(2))};
    auto own = store();
    EXPECT_EQ(own->position(ctx).value(), Stored{}) << "nothing";
    ASSERT_TRUE(apply(ctx, *own, {study_entry()}));
    EXPECT_EQ(own->position(ctx).value(), first);
    ASSERT_TRUE(apply(ctx, *own, {study_entry(), report_entry(1)}));
    EXPECT_EQ(own->position(ctx).value(), second);
    ASSERT_TRUE(apply(ctx, *own, {study_entry(), report_entry(9)}));
    EXPECT_EQ(store()->position(ctx).value(), second) << "what it passes over it was not given; also when opened anew";
    sql("UPDATE drain_state SET fingerprint = x'00'");
    EXPECT_EQ(store()->position(ctx).error().code(), Code::kFailedPrecondition);
  });
}

TEST_F(StoreTest, TheSameReportFromALaterPlaceIsAccountedForAndAnotherContentIsKept) {
  on_processors(1, [&](Context& ctx) {
    Made other = report_entry(1, {}, R"([{"linkId":"pain","value":9}])");
    auto own = store();
    ASSERT_TRUE(apply(ctx, *own, {study_entry(), report_entry(1), report_entry(1), other}));
    EXPECT_EQ(sql("SELECT count(*) FROM submissions"), "1");
    EXPECT_EQ(sql("SELECT group_concat(journal_pos || reason || length(payload), ' ') FROM set_aside"),
              "3repeated0 4conflict" + std::to_string(decode_report(other.payload)->payload.size()));
  });
}

TEST_F(StoreTest, ARowThatAConstraintRefusesIsSetAsideAndTheRestGoesOn) {
  on_processors(1, [&](Context& ctx) {
    VitalsItemEntry good = vitals_item(1, R"("heartRate":72)"), bad = vitals_item(2, R"("heartRate":73)");
    Made batch = vitals_entry({good, bad});
    auto entry = decode_vitals(batch.payload).value();
    entry.items[1].judgement.receipt_id = entry.items[0].judgement.receipt_id;
    batch.payload = encode(entry);
    auto own = store();
    ASSERT_TRUE(apply(ctx, *own, {study_entry(), batch, report_entry(3)}));
    EXPECT_EQ(sql("SELECT group_concat(journal_pos || '/' || journal_ordinal, ' ') FROM submissions"), "2/0 3/0");
    EXPECT_EQ(sql("SELECT journal_pos || '/' || journal_ordinal || reason FROM set_aside"), "2/1constraint");
    EXPECT_EQ(sql("SELECT CAST(payload AS TEXT) FROM set_aside"), bad.payload);
    EXPECT_NE(sql("SELECT detail FROM set_aside").find("submissions.receipt_id"), std::string::npos);
    EXPECT_EQ(sql("SELECT count(*) FROM datapoints WHERE submission_id = '" + numbered_id(2) + "'"), "0");
    EXPECT_EQ(metrics_.counter_family("epro_store_set_aside_total",
                                      "Kept apart, for they could not become the rows that they should.", {"reason"})
                  .with({"constraint"}).value(), 1u);
  });
}

TEST_F(StoreTest, APatientWhoDoesNotFitHoldsUpNobodyElseOfTheStudy) {
  on_processors(1, [&](Context& ctx) {
    Study study = demo_study();
    VitalsItemEntry taken = vitals_item(1, R"("heartRate":72)", patient_id_of("DEMO", "X"));
    taken.new_subject_key = "701-1001";  // of kPatientId
    auto own = store();
    study.patients.erase(study.patients.begin());
    ASSERT_TRUE(apply(ctx, *own, {study_entry(study), vitals_entry({taken}), study_entry(demo_study(), 2),
                                  report_entry(2)}));
    EXPECT_EQ(sql("SELECT count(*) FROM submissions"), "2");
    EXPECT_EQ(sql("SELECT journal_pos || reason FROM set_aside"), "3constraint");
    EXPECT_EQ(sql("SELECT group_concat(revision) FROM publications"), "1");
  });
}

TEST_F(StoreTest, WhatCannotBeReadAnyMoreIsKept) {
  on_processors(1, [&](Context& ctx) {
    Made torn = report_entry(1), odd = report_entry(2), broken = report_entry(3);
    torn.payload.pop_back();
    odd.type = static_cast<EntryType>(99);
    auto entry = decode_report(broken.payload).value();
    entry.payload = "{";
    broken.payload = encode(entry);
    VitalsItemEntry item = vitals_item(4, R"("heartRate":72)");
    item.payload = "[]";
    auto own = store();
    ASSERT_TRUE(apply(ctx, *own, {study_entry(), torn, odd, broken, vitals_entry({item})}));
    EXPECT_EQ(sql("SELECT group_concat(journal_pos || reason, ' ') FROM set_aside"), "2unreadable 3unreadable 4unreadable");
    EXPECT_EQ(sql("SELECT CAST(payload AS TEXT) || receipt_id FROM set_aside WHERE journal_pos = 4"),
              "{" + entry.judgement.receipt_id);
    EXPECT_EQ(sql("SELECT kind || CAST(payload AS TEXT) FROM submissions"), "vitals[]") << "its cover tells enough";
    EXPECT_EQ(sql("SELECT count(*) FROM datapoints"), "0");
  });
}

TEST_F(StoreTest, AnAcceptedReportWhoseInstrumentIsNotThereIsStoredWithoutValues) {
  on_processors(1, [&](Context& ctx) {
    Study study = demo_study();
    study.instruments.clear();
    auto own = store();
    ASSERT_TRUE(apply(ctx, *own, {study_entry(study), report_entry(1)}));
    EXPECT_EQ(sql("SELECT disposition FROM submissions"), "accepted");
    EXPECT_EQ(sql("SELECT count(*) FROM datapoints"), "0");
  });
}

TEST_F(StoreTest, IsNotMadeAnewOnceTheJournalWasTrimmed) {
  on_processors(1, [&](Context& ctx) {
    auto own = store(false);
    EXPECT_EQ(own->position(ctx).error().code(), Code::kUnavailable);
    EXPECT_FALSE(std::filesystem::exists(file()));
    std::ofstream(file()) << "";
    EXPECT_EQ(own->position(ctx).error().code(), Code::kUnavailable) << "an empty file is no better";
  });
}

TEST_F(StoreTest, ALockedDatabaseIsWaitedFor) {
  on_processors(1, [&](Context& ctx) {
    std::vector<Record> next{study_entry().at(1)};
    ASSERT_EQ(store()->position(ctx)->position, 0u);
    auto own = store();
    {
      Lock lock(file());
      EXPECT_EQ(own->position(ctx)->position, 0u) << "reading goes on";
      EXPECT_EQ(own->apply(ctx, next).error().code(), Code::kUnavailable);
    }
    EXPECT_TRUE(own->apply(ctx, next));
    EXPECT_EQ(own->position(ctx)->position, 1u);
  });
}

TEST_F(StoreTest, ADatabaseThatWasMovedAwayIsWaitedForAndLosesNothing) {
  on_processors(1, [&](Context& ctx) {
    auto own = store();
    ASSERT_TRUE(apply(ctx, *own, {study_entry(), report_entry(1)}));
    std::filesystem::create_directory(folder_ / "away");
    auto move = [&](const std::filesystem::path& from, const std::filesystem::path& to) {
      // The log last: for a moment the database is there without it.
      for (const char* name : {"epro.db", "epro.db-shm", "epro.db-wal"}) {
        std::filesystem::rename(from / name, to / name);
        std::vector<Record> next{report_entry(2).at(3)};
        if (name == std::string_view("epro.db-wal")) return;
        EXPECT_EQ(own->apply(ctx, next).error().code(), Code::kUnavailable) << name;
      }
    };
    move(folder_, folder_ / "away");
    EXPECT_EQ(own->position(ctx).error().code(), Code::kUnavailable);
    EXPECT_FALSE(std::filesystem::exists(file()));
    move(folder_ / "away", folder_);
    for (auto stored = own->position(ctx); !stored || stored->position != 2u;) stored = own->position(ctx);  // it may find out first that it has to open the log anew
    std::vector<Record> next{report_entry(2).at(3)};
    EXPECT_TRUE(own->apply(ctx, next));
    EXPECT_EQ(sql("SELECT count(*) FROM submissions"), "2");
  });
}

TEST_F(StoreTest, AnOlderCopyIsNotTakenForTheDatabase) {
  on_processors(1, [&](Context& ctx) {
    store()->position(ctx).value();
    std::filesystem::copy_file(file(), folder_ / "copy");
    auto own = store();
    ASSERT_TRUE(apply(ctx, *own, {study_entry()}));
    std::filesystem::rename(folder_ / "copy", file());
    for (const char* log : {"epro.db-wal", "epro.db-shm"}) std::filesystem::remove(folder_ / log);
    for (int attempt = 0; attempt < 3; ++attempt) {
      auto position = own->position(ctx);
      ASSERT_FALSE(position);
      EXPECT_EQ(position.error().code(), Code::kUnavailable);
    }
  });
}

TEST_F(StoreTest, AnotherJournalsOrAnotherVersionsDatabaseIsRefused) {
  on_processors(1, [&](Context& ctx) {
    ASSERT_EQ(store()->position(ctx)->position, 0u);
    EXPECT_EQ(store(true, "journal-2")->position(ctx).error().code(), Code::kFailedPrecondition);
    sql("PRAGMA user_version = " + std::to_string(kSchemaVersion + 1));
    EXPECT_EQ(store()->position(ctx).error().code(), Code::kFailedPrecondition);
    sql("PRAGMA user_version = 0");
    EXPECT_EQ(store()->position(ctx).error().code(), Code::kFailedPrecondition);
  });
}

}  // namespace
}  // namespace epro
