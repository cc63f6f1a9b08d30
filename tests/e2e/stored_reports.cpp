// SPDX-License-Identifier: MIT
#include "stored_reports.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

namespace sluice::e2e {
namespace {

constexpr int kBusyMilliseconds = 60'000;

sqlite3* open(const std::filesystem::path& database, int flags) {
  sqlite3* connection = nullptr;
  EXPECT_EQ(sqlite3_open_v2(database.c_str(), &connection, flags, nullptr), SQLITE_OK) << database;
  sqlite3_busy_timeout(connection, kBusyMilliseconds);
  return connection;
}

}  // namespace

std::map<std::string, std::string> stored_reports(const std::filesystem::path& database) {
  std::map<std::string, std::string> stored;
  sqlite3* connection = open(database, SQLITE_OPEN_READWRITE);
  sqlite3_stmt* statement = nullptr;
  EXPECT_EQ(sqlite3_prepare_v2(connection, "SELECT submission_id, receipt_id FROM submissions", -1, &statement, nullptr),
            SQLITE_OK) << sqlite3_errmsg(connection);
  auto text = [&](int column) { return reinterpret_cast<const char*>(sqlite3_column_text(statement, column)); };
  while (sqlite3_step(statement) == SQLITE_ROW) stored.emplace(text(0), text(1));
  sqlite3_finalize(statement);
  sqlite3_close(connection);
  return stored;
}

std::int64_t query_number(const std::filesystem::path& database, const char* sql) {
  sqlite3* connection = open(database, SQLITE_OPEN_READWRITE);
  sqlite3_stmt* statement = nullptr;
  std::int64_t number = -1;
  if (sqlite3_prepare_v2(connection, sql, -1, &statement, nullptr) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
    number = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(connection);
  return number;
}

DatabaseLock::DatabaseLock(const std::filesystem::path& database) {
  sqlite3* connection = open(database, SQLITE_OPEN_READWRITE);
  EXPECT_EQ(sqlite3_exec(connection, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  connection_ = connection;
}

DatabaseLock::~DatabaseLock() {
  auto* connection = static_cast<sqlite3*>(connection_);
  sqlite3_exec(connection, "ROLLBACK", nullptr, nullptr, nullptr);
  sqlite3_close(connection);
}

}  // namespace sluice::e2e
