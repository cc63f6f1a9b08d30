// SPDX-License-Identifier: MIT
#include <sluice/db/sqlite.hpp>

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <sluice/base/scratch_folder_test.hpp>
#include <sluice/runtime/fiber_test.hpp>

namespace sluice::db {
namespace {

using Mode = SqliteOptions::Mode;

// Counts to `?1` in one statement: as long as a test needs.
constexpr std::string_view kCountTo =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) SELECT count(*) FROM n";
constexpr std::int64_t kForEver = std::int64_t{1} << 60;

/// Holds the write lock from the outside.
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

class SqliteFile : public ::testing::Test {
 protected:
  // First: it goes when nothing is open in it any more.
  sluice::ScratchFolder scratch_;
  const std::filesystem::path& folder_ = scratch_.path();

  [[nodiscard]] std::filesystem::path file() const { return folder_ / "test.db"; }
  std::unique_ptr<Sqlite> open(Context& ctx, Mode mode = Mode::kCreate, Duration busy_wait = Duration(0)) {
    auto database = Sqlite::open(ctx, {.file = file(), .mode = mode, .busy_wait = busy_wait});
    EXPECT_TRUE(database) << database.error().describe();
    return database ? *std::move(database) : nullptr;
  }
  static Result<void> execute(Context& ctx, Sqlite& database, const std::string& sql) {
    return database.transact(ctx, [&](SqliteConnection& connection) { return connection.execute(sql); });
  }
  static Result<std::int64_t> number(Context& ctx, Sqlite& database, std::string_view sql) {
    return database.read(ctx, [&](SqliteConnection& connection) -> Result<std::int64_t> {
      SLUICE_TRY(auto query, connection.prepare(sql));
      SLUICE_TRY(query.start());
      SLUICE_TRY(query.next());
      return query.integer(0);
    });
  }
  [[nodiscard]] std::filesystem::path log() const { return file().string() + "-wal"; }

};

TEST_F(SqliteFile, IsMadeForOwnerAndGroupWithALogThatFlushesAtEachCommit) {
  on_processors(1, [&](Context& ctx) {
    auto database = open(ctx);
    EXPECT_EQ(number(ctx, *database, "SELECT synchronous FROM pragma_synchronous"), 2);
    EXPECT_EQ(number(ctx, *database, "SELECT foreign_keys FROM pragma_foreign_keys"), 1);
    EXPECT_EQ(number(ctx, *database, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
    struct stat status;
    ASSERT_EQ(::stat(file().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07, 0u);
  });
}

TEST_F(SqliteFile, IsNotMadeUnlessAskedTo) {
  on_processors(1, [&](Context& ctx) {
    for (Mode mode : {Mode::kMustExist, Mode::kReadOnly}) {
      auto database = Sqlite::open(ctx, {.file = file(), .mode = mode});
      ASSERT_FALSE(database);
      EXPECT_EQ(database.error().code(), Code::kNotFound);
    }
    EXPECT_FALSE(std::filesystem::exists(file()));
  });
}

TEST_F(SqliteFile, ThatIsNoDatabaseIsDataLoss) {
  on_processors(1, [&](Context& ctx) {
    std::ofstream(file()) << std::string(4096, 'x');
    auto database = Sqlite::open(ctx, {.file = file()});
    ASSERT_FALSE(database);
    EXPECT_EQ(database.error().code(), Code::kDataLoss);
  });
}

TEST_F(SqliteFile, OpenedForReadingRefusesToWrite) {
  on_processors(1, [&](Context& ctx) {
    auto writer = open(ctx);
    ASSERT_TRUE(execute(ctx, *writer, "CREATE TABLE t (a)"));
    auto reader = open(ctx, Mode::kReadOnly);
    EXPECT_EQ(execute(ctx, *reader, "INSERT INTO t VALUES (1)").error().code(), Code::kPermissionDenied);
    EXPECT_EQ(number(ctx, *reader, "SELECT count(*) FROM t"), 0);
  });
}

TEST_F(SqliteFile, KeepsWhatATransactionDidAndNothingOfAFailedOne) {
  on_processors(1, [&](Context& ctx) {
    auto database = open(ctx);
    ASSERT_TRUE(execute(ctx, *database, "CREATE TABLE t (a)"));
    auto failed = database->transact(ctx, [&](SqliteConnection& connection) -> Result<int> {
      SLUICE_TRY(connection.execute("INSERT INTO t VALUES (1)"));
      return fail(Code::kNotFound, "ours");
    });
    EXPECT_EQ(failed.error().code(), Code::kNotFound);
    EXPECT_EQ(number(ctx, *database, "SELECT count(*) FROM t"), 0);
    auto value = database->transact(ctx, [&](SqliteConnection& connection) -> Result<int> {
      SLUICE_TRY(connection.execute("INSERT INTO t VALUES (1)"));
      return 7;
    });
    EXPECT_EQ(value, 7);
    EXPECT_EQ(number(ctx, *open(ctx), "SELECT count(*) FROM t"), 1);
  });
}

TEST_F(SqliteFile, LockedByAnotherConnectionIsUnavailableUntilItIsFree) {
  on_processors(1, [&](Context& ctx) {
    auto database = open(ctx, Mode::kCreate, std::chrono::milliseconds(3));
    ASSERT_TRUE(execute(ctx, *database, "CREATE TABLE t (a)"));
    {
      Lock lock(file());
      auto busy = execute(ctx, *database, "INSERT INTO t VALUES (1)");
      EXPECT_EQ(busy.error().code(), Code::kUnavailable);
      EXPECT_EQ(busy.error().reason(), "database-busy");
      EXPECT_EQ(number(ctx, *database, "SELECT count(*) FROM t"), 0) << "readers go on";
    }
    EXPECT_TRUE(execute(ctx, *database, "INSERT INTO t VALUES (1)"));
  });
}

TEST_F(SqliteFile, TheEndOfAContextStopsAStatementAndTheNextTransactionGoesOn) {
  on_processors(2, [&](Context& ctx) {
    auto database = open(ctx);
    Context limited(ctx, std::chrono::milliseconds(5));
    auto endless = database->read(limited, [&](SqliteConnection& connection) -> Result<bool> {
      SLUICE_TRY(auto query, connection.prepare(kCountTo));
      SLUICE_TRY(query.start({kForEver}));
      return query.next();
    });
    ASSERT_FALSE(endless);
    EXPECT_EQ(endless.error().code(), Code::kDeadlineExceeded);
    EXPECT_EQ(number(ctx, *database, "SELECT 7"), 7);
  });
}

TEST_F(SqliteFile, TheEndOfAContextStopsWaitingForALock) {
  on_processors(1, [&](Context& ctx) {
    auto database = open(ctx, Mode::kCreate, std::chrono::hours(1));
    Lock lock(file());
    Context limited(ctx, std::chrono::milliseconds(5));
    EXPECT_EQ(execute(limited, *database, "CREATE TABLE t (a)").error().code(), Code::kDeadlineExceeded);
  });
}

TEST_F(SqliteFile, OthersRunWhileAStatementTakesLong) {
  on_processors(1, [&](Context& ctx) {
    auto database = open(ctx);
    Context until_seen(ctx);
    bool has_run = false;
    TaskGroup group(ctx);
    group.go([&](Context&) {
      has_run = true;
      until_seen.cancel(Error(Code::kAborted, "seen"));
    });
    auto endless = database->read(until_seen, [&](SqliteConnection& connection) -> Result<bool> {
      SLUICE_TRY(auto query, connection.prepare(kCountTo));
      SLUICE_TRY(query.start({kForEver}));
      return query.next();
    });
    EXPECT_EQ(endless.error().code(), Code::kAborted);
    EXPECT_TRUE(group.wait());
    EXPECT_TRUE(has_run);
  });
}

TEST_F(SqliteFile, FibersTakeTurns) {
  on_few_and_many_processors([&](Context& ctx) {
    std::filesystem::remove(file());
    auto database = open(ctx);
    ASSERT_TRUE(execute(ctx, *database, "CREATE TABLE t (a)"));
    TaskGroup group(ctx);
    for (int fiber = 0; fiber < 8; ++fiber)
      group.go([&](Context& own) -> Result<void> {
        for (int i = 0; i < 5; ++i) SLUICE_TRY(execute(own, *database, "INSERT INTO t SELECT count(*) FROM t"));
        return {};
      });
    ASSERT_TRUE(group.wait());
    EXPECT_EQ(number(ctx, *database, "SELECT count(DISTINCT a) FROM t"), 40);
  });
}

TEST_F(SqliteFile, ThatWasMovedIsNoticedAndKeepsWhatWasCommitted) {
  on_processors(1, [&](Context& ctx) {
    auto database = open(ctx);
    ASSERT_TRUE(execute(ctx, *database, "CREATE TABLE t (a); INSERT INTO t VALUES (1)"));
    EXPECT_TRUE(database->is_in_place());
    auto away = folder_ / "away";
    std::filesystem::create_directory(away);
    for (const auto& path : {file(), log()}) std::filesystem::rename(path, away / path.filename());
    EXPECT_FALSE(database->is_in_place());
    std::ofstream(file()) << "";
    EXPECT_FALSE(database->is_in_place()) << "another file of the same name";
    database.reset();
    for (const auto& path : {file(), log()}) std::filesystem::rename(away / path.filename(), path);
    EXPECT_EQ(number(ctx, *open(ctx), "SELECT count(*) FROM t"), 1);
  });
}

TEST_F(SqliteFile, WhoseLogWasReplacedIsNotInPlaceAndTheLogIsLeftAlone) {
  on_processors(1, [&](Context& ctx) {
    auto database = open(ctx);
    ASSERT_TRUE(execute(ctx, *database, "CREATE TABLE t (a)"));
    std::filesystem::rename(log(), folder_ / "kept");
    std::ofstream(log()) << "somebody's";
    EXPECT_FALSE(database->is_in_place());
    database.reset();
    EXPECT_TRUE(std::filesystem::exists(log()));
  });
}

TEST_F(SqliteFile, IsOneFileAfterItWasClosedInPlace) {
  on_processors(1, [&](Context& ctx) {
    auto database = open(ctx);
    ASSERT_TRUE(execute(ctx, *database, "CREATE TABLE t (a)"));
    EXPECT_TRUE(std::filesystem::exists(log()));
    database.reset();
    EXPECT_FALSE(std::filesystem::exists(log()));
  });
}

}  // namespace
}  // namespace sluice::db
