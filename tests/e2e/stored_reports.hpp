// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace sluice::e2e {

/// What the database has, read past epro: submission id → receipt id. Empty if it cannot be read.
std::map<std::string, std::string> stored_reports(const std::filesystem::path& database);
/// The result of a query that gives one number; -1 if it cannot be answered.
std::int64_t query_number(const std::filesystem::path& database, const char* sql);

/// Holds the database's write lock from the outside, as a stuck maintenance job would.
class DatabaseLock {
 public:
  explicit DatabaseLock(const std::filesystem::path& database);
  DatabaseLock(const DatabaseLock&) = delete;
  DatabaseLock& operator=(const DatabaseLock&) = delete;
  ~DatabaseLock();

 private:
  void* connection_ = nullptr;
};

}  // namespace sluice::e2e
