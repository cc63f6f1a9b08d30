// SPDX-License-Identifier: MIT
#include <apps/epro/ledger_check.hpp>

#include <chrono>
#include <string>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <sluice/base/bytes.hpp>
#include <sluice/base/digest.hpp>
#include <sluice/runtime/fiber_test.hpp>

#include <apps/epro/client/files_test.hpp>
#include <apps/epro/store/schema.hpp>

namespace epro {
namespace {

using namespace std::chrono_literals;
using sluice::Context;
using sluice::in_virtual_time;

Uuid id_of(int number) { return derive_uuid({"test", std::to_string(number)}); }
sluice::Sha256 hash_of(std::string_view text) { return sluice::sha256(sluice::as_bytes(text)); }

// A database with the store's tables, written past the store.
class Database {
 public:
  explicit Database(const std::filesystem::path& file) {
    EXPECT_EQ(sqlite3_open(file.c_str(), &handle_), SQLITE_OK);
    execute("PRAGMA journal_mode = WAL");
    execute(schema_sql());
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { sqlite3_close(handle_); }

  void execute(const std::string& sql) {
    EXPECT_EQ(sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(handle_);
  }

  void store(int number, std::string_view payload, const std::string& receipt, const std::string& study = "BURST",
             const std::string& device = "burst-7-1") {
    ++position_;
    execute("INSERT INTO submissions (study_oid, submission_id, receipt_id, kind, patient_id, device_id, originator, "
            "received_at, journal_pos, journal_ordinal, payload, payload_sha256, disposition, flags) VALUES ('" +
            study + "', '" + id_of(number).text() + "', '" + receipt + "', 'report', 'p', '" + device +
            "', 'patient', 0, " + std::to_string(position_) + ", 0, x'', x'" + sluice::to_hex(hash_of(payload)) +
            "', 'accepted', '')");
  }

 private:
  sqlite3* handle_ = nullptr;
  int position_ = 0;
};

LedgerContent ledger_of(std::initializer_list<int> acknowledged) {
  LedgerContent ledger{.run = {"BURST", "burst-7-"}, .entries = {}, .is_torn = false};
  for (int number : acknowledged)
    ledger.entries[id_of(number)] = {hash_of("report"), 202, "r_" + std::to_string(number)};
  return ledger;
}

class LedgerCheckTest : public ::testing::Test {
 protected:
  LedgerCheck check(Context& ctx, const LedgerContent& ledger) {
    auto checked = check_ledger(ctx, ledger, file_, sluice::runtime_clock(), 1s);
    EXPECT_TRUE(checked) << checked.error().describe();
    return checked ? *checked : LedgerCheck{};
  }

  ScratchFolder folder_;
  std::filesystem::path file_ = folder_.path() / "epro.db";
  Database database_{file_};
};

TEST_F(LedgerCheckTest, AgreesWhenEveryAcknowledgedReportIsStoredAsItWasSent) {
  database_.store(1, "report", "r_1");
  database_.store(2, "report", "r_2");
  database_.store(3, "report", "r_3", "BURST", "burst-6-1");  // another run's
  database_.store(4, "report", "r_4", "DEMO", "phone");
  in_virtual_time([&](Context& ctx) {
    LedgerCheck found = check(ctx, ledger_of({1, 2}));
    EXPECT_TRUE(found.agrees());
    EXPECT_EQ(found.acknowledged, 2u);
    EXPECT_EQ(found.stored, 2u);
  });
}

TEST_F(LedgerCheckTest, WhatWasNeverAnsweredMayBeStoredOrNot) {
  LedgerContent ledger = ledger_of({});
  ledger.entries[id_of(1)] = {hash_of("report"), 0, ""};
  ledger.entries[id_of(2)] = {hash_of("report"), 0, ""};
  database_.store(1, "report", "r_1");
  in_virtual_time([&](Context& ctx) {
    LedgerCheck found = check(ctx, ledger);
    EXPECT_TRUE(found.agrees());
    EXPECT_EQ(found.unknown, 2u);
    EXPECT_EQ(found.stored, 1u);
  });
}

TEST_F(LedgerCheckTest, FindsWhatIsLostAfterHavingWaitedForIt) {
  database_.store(1, "report", "r_1");
  in_virtual_time([&](Context& ctx) {
    sluice::Instant start = sluice::runtime_clock().now();
    LedgerCheck found = check(ctx, ledger_of({1, 2}));
    EXPECT_GE(sluice::runtime_clock().now() - start, 1s);
    EXPECT_FALSE(found.agrees());
    EXPECT_EQ(found.lost, 1u);
    EXPECT_EQ(found.first, std::vector<std::string>{"lost: " + id_of(2).text()});
  });
}

TEST_F(LedgerCheckTest, WaitsForTheDrain) {
  in_virtual_time([&](Context& ctx) {
    sluice::TaskGroup drain(ctx);
    drain.go([&](Context& own) {
      for (int number = 1; number <= 3; ++number) {
        static_cast<void>(sluice::sleep(own, 250ms));
        database_.store(number, "report", "r_" + std::to_string(number));
      }
    });
    EXPECT_TRUE(check(ctx, ledger_of({1, 2, 3})).agrees());
  });
}

TEST_F(LedgerCheckTest, FindsOtherBytesAnotherReceiptAndAnotherStudy) {
  database_.store(1, "another report", "r_1");
  database_.store(2, "report", "r_other");
  database_.store(3, "report", "r_3", "OTHER");
  database_.store(4, "report", "r_4");
  in_virtual_time([&](Context& ctx) {
    LedgerCheck found = check(ctx, ledger_of({1, 2, 3, 4}));
    EXPECT_EQ(found.wrong, 3u);
    EXPECT_EQ(found.lost + found.doubled + found.unsent + found.unwanted, 0u);
  });
}

TEST_F(LedgerCheckTest, FindsWhatIsDoubledUnsentOrStoredAfterARefusal) {
  LedgerContent ledger = ledger_of({1});
  ledger.entries[id_of(2)] = {hash_of("report"), 403, ""};
  database_.store(1, "report", "r_1");
  database_.store(1, "report", "r_1b", "OTHER");
  database_.store(2, "report", "r_2");
  database_.store(3, "report", "r_3");
  in_virtual_time([&](Context& ctx) {
    LedgerCheck found = check(ctx, ledger);
    EXPECT_EQ(found.doubled, 1u);
    EXPECT_EQ(found.unwanted, 1u);
    EXPECT_EQ(found.unsent, 1u);
    EXPECT_EQ(found.stored, 4u);
    EXPECT_FALSE(found.agrees());
  });
}

TEST_F(LedgerCheckTest, ADatabaseThatDoesNotComeIsAnError) {
  in_virtual_time([&](Context& ctx) {
    auto checked = check_ledger(ctx, ledger_of({1}), folder_.path() / "none.db", sluice::runtime_clock(), 1s);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code(), sluice::Code::kNotFound);
  });
}

}  // namespace
}  // namespace epro
