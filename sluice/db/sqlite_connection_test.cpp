// SPDX-License-Identifier: MIT
#include <sluice/db/sqlite_connection.hpp>

#include <filesystem>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>
#include <sluice/base/scratch_folder_test.hpp>
#include <sluice/runtime/fiber_test.hpp>

#include <sluice/db/sqlite.hpp>

namespace sluice::db {
namespace {

constexpr std::string_view kSecret = "CANARY";  // a value; must never come out in an error

class InTransaction : public ::testing::Test {
 protected:
  // First: it goes when nothing is open in it any more.
  sluice::ScratchFolder scratch_;
  const std::filesystem::path& folder_ = scratch_.path();

  /// Runs `body` in a transaction; what it returned.
  Result<void> transact(const std::function<Result<void>(SqliteConnection&)>& body) {
    Result<void> result;
    on_processors(1, [&](Context& ctx) {
      auto database = Sqlite::open(ctx, {.file = folder_ / "test.db", .mode = SqliteOptions::Mode::kCreate});
      ASSERT_TRUE(database) << database.error().describe();
      result = (*database)->transact(ctx, body);
    });
    return result;
  }
  /// The same, where every error is the test's failure.
  void succeed(const std::function<Result<void>(SqliteConnection&)>& body) {
    auto result = transact(body);
    EXPECT_TRUE(result) << result.error().describe();
  }

};

TEST_F(InTransaction, ValuesComeBackAsTheyWent) {
  succeed([](SqliteConnection& connection) -> Result<void> {
    SLUICE_TRY(connection.execute("CREATE TABLE t (n, i, r, s, b, e, z, w)"));
    const std::string text("a\0ä", 4);
    const std::array<std::byte, 2> raw{std::byte{0}, std::byte{255}};
    SLUICE_TRY(auto insert, connection.prepare("INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"));
    SLUICE_TRY(auto changed, insert.run({std::nullopt, std::numeric_limits<std::int64_t>::min(), 0.5, text, raw, "",
                                         std::span<const std::byte>(), std::optional<double>()}));
    EXPECT_EQ(changed, 1);
    SLUICE_TRY(auto query, connection.prepare("SELECT *, typeof(e), typeof(z) FROM t"));
    SLUICE_TRY(query.start());
    SLUICE_TRY(bool found, query.next());
    EXPECT_TRUE(found);
    EXPECT_TRUE(query.is_null(0));
    EXPECT_EQ(query.maybe_integer(0), std::nullopt);
    EXPECT_EQ(query.integer(1), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(query.maybe_real(2), 0.5);
    EXPECT_EQ(query.text(3), text);
    EXPECT_EQ(as_text(query.bytes(4)), as_text(raw));
    EXPECT_EQ(query.text(8), "text") << "an empty text is not NULL";
    EXPECT_EQ(query.text(9), "blob");
    EXPECT_TRUE(query.is_null(7));
    SLUICE_TRY(bool more, query.next());
    EXPECT_FALSE(more);
    return {};
  });
}

TEST_F(InTransaction, ANumberThatSqliteCannotStoreIsRefused) {
  succeed([](SqliteConnection& connection) -> Result<void> {
    SLUICE_TRY(auto query, connection.prepare("SELECT ?1"));
    constexpr auto kMax = std::uint64_t{std::numeric_limits<std::int64_t>::max()};
    EXPECT_TRUE(query.run({kMax}));
    EXPECT_EQ(query.run({kMax + 1}).error().code(), Code::kOutOfRange);
    return {};
  });
}

TEST_F(InTransaction, AConstraintNamesItsColumnsAndNoValue) {
  succeed([](SqliteConnection& connection) -> Result<void> {
    SLUICE_TRY(connection.execute("CREATE TABLE t (a TEXT PRIMARY KEY, b TEXT CHECK (b <> 'CANARY'), c TEXT NOT NULL);"
                                  "CREATE TABLE child (a TEXT NOT NULL REFERENCES t(a))"));
    SLUICE_TRY(auto insert, connection.prepare("INSERT INTO t VALUES (?1, ?2, ?3)"));
    SLUICE_TRY(insert.run({kSecret, "b", "c"}));
    auto twice = insert.run({kSecret, "b", "c"});
    EXPECT_EQ(twice.error().code(), Code::kAlreadyExists);
    EXPECT_NE(twice.error().detail().find("t.a"), std::string_view::npos) << twice.error().describe();
    auto null = insert.run({"other", "b", nullptr});
    EXPECT_EQ(null.error().code(), Code::kFailedPrecondition);
    EXPECT_EQ(null.error().reason(), "constraint");
    SLUICE_TRY(auto orphan, connection.prepare("INSERT INTO child VALUES (?1)"));
    auto foreign = orphan.run({"CANARY-2"});
    EXPECT_EQ(foreign.error().code(), Code::kFailedPrecondition);
    for (const auto& error : {twice.error(), null.error(), foreign.error()})
      EXPECT_EQ(error.describe().find(kSecret), std::string::npos) << error.describe();
    return {};
  });
}

TEST_F(InTransaction, WrongSqlIsInternal) {
  succeed([](SqliteConnection& connection) -> Result<void> {
    EXPECT_EQ(connection.prepare("SELEKT 1").error().code(), Code::kInternal);
    EXPECT_EQ(connection.prepare("SELECT a FROM nowhere").error().code(), Code::kInternal);
    return {};
  });
}

TEST_F(InTransaction, AFullDiskIsResourceExhaustedAndLeavesNothing) {
  auto result = transact([](SqliteConnection& connection) -> Result<void> {
    SLUICE_TRY(connection.execute("CREATE TABLE t (a); PRAGMA max_page_count = 10"));
    SLUICE_TRY(auto insert, connection.prepare("INSERT INTO t VALUES (zeroblob(?1))"));
    SLUICE_TRY(insert.run({1 << 20}));
    return {};
  });
  EXPECT_EQ(result.error().code(), Code::kResourceExhausted);
  succeed([](SqliteConnection& connection) { return connection.execute("CREATE TABLE t (a)"); });
}

TEST_F(InTransaction, AStatementIsKeptAndStartsCleanAgain) {
  succeed([](SqliteConnection& connection) -> Result<void> {
    for (int round = 0; round < 2; ++round) {
      SLUICE_TRY(auto query, connection.prepare("SELECT 1 UNION SELECT 2 ORDER BY 1"));
      SLUICE_TRY(query.start());
      SLUICE_TRY(query.next());
      EXPECT_EQ(query.integer(0), 1) << "not where the round before left off";
    }
    return {};
  });
}

TEST_F(InTransaction, AttemptUndoesItsOwnPartOnly) {
  succeed([](SqliteConnection& connection) -> Result<void> {
    SLUICE_TRY(connection.execute("CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)"));
    auto failed = connection.attempt([&]() -> Result<void> {
      SLUICE_TRY(connection.execute("INSERT INTO t VALUES (2)"));
      return connection.execute("INSERT INTO t VALUES (1)");
    });
    EXPECT_EQ(failed.error().code(), Code::kAlreadyExists);
    EXPECT_TRUE(connection.attempt([&] { return connection.execute("INSERT INTO t VALUES (3)"); }));
    SLUICE_TRY(auto query, connection.prepare("SELECT group_concat(a) FROM t"));
    SLUICE_TRY(query.start());
    SLUICE_TRY(query.next());
    EXPECT_EQ(query.text(0), "1,3");
    return {};
  });
}

TEST_F(InTransaction, WhatSqliteRolledBackIsNotTakenForDone) {
  auto result = transact([](SqliteConnection& connection) -> Result<void> {
    SLUICE_TRY(connection.execute("CREATE TABLE t (a UNIQUE ON CONFLICT ROLLBACK); INSERT INTO t VALUES (1)"));
    SLUICE_TRY(auto insert, connection.prepare("INSERT INTO t VALUES (?1)"));
    EXPECT_EQ(insert.run({1}).error().code(), Code::kAlreadyExists);  // takes the transaction with it
    EXPECT_EQ(insert.run({2}).error().code(), Code::kAborted) << "would be a transaction of its own";
    return {};
  });
  EXPECT_EQ(result.error().code(), Code::kAborted);
}

}  // namespace
}  // namespace sluice::db
