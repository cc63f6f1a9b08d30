// SPDX-License-Identifier: MIT
//
// Promise 2: the database may be slow, locked or gone; acknowledgements go on, and it is caught up with afterwards.
#include <filesystem>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "e2e/epro_process.hpp"
#include "e2e/report.hpp"
#include "e2e/stored_reports.hpp"

namespace sluice::e2e {
namespace {

constexpr int kReports = 200;

void submit(const EproProcess& epro, std::uint64_t first) {
  for (std::uint64_t number = first; number < first + kReports; ++number)
    ASSERT_EQ(status_of(ask(epro.port(), "POST", kSubmissions, diary(number))), 202) << "report " << number;
}

std::string state_of(const EproProcess& epro, std::uint64_t number) {
  return member(body_of(ask(epro.port(), "GET", "/v1/studies/DEMO/receipts/" + submission_id(number))), "state");
}

// Asks again and again; each question is a round trip to the server, which drains meanwhile. Bounded by the test's limit.
void wait_until_stored(const EproProcess& epro, std::uint64_t number) {
  while (state_of(epro, number) == "journaled") {}
  EXPECT_EQ(state_of(epro, number), "stored");
}

TEST(Promise2, AcknowledgesWhileTheDatabaseIsLocked) {
  ScratchFolder folder;
  EproProcess epro(folder.path());
  ASSERT_TRUE(epro.is_running());
  submit(epro, 0);
  wait_until_stored(epro, kReports - 1);
  {
    DatabaseLock lock(epro.database());
    submit(epro, kReports);
    EXPECT_EQ(state_of(epro, 2 * kReports - 1), "journaled");
    EXPECT_EQ(status_of(ask(epro.admin_port(), "GET", "/readyz")), 200);
  }
  wait_until_stored(epro, 2 * kReports - 1);
  EXPECT_EQ(stored_reports(epro.database()).size(), std::size_t{2 * kReports});
}

TEST(Promise2, AcknowledgesWhileTheDatabaseIsGoneAndGoesOnWhenItIsBack) {
  ScratchFolder folder;
  EproProcess epro(folder.path());
  ASSERT_TRUE(epro.is_running());
  submit(epro, 0);
  wait_until_stored(epro, kReports - 1);
  auto away = folder.path() / "away";
  std::filesystem::create_directory(away);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    auto file = epro.database();
    file += suffix;
    if (std::filesystem::exists(file)) std::filesystem::rename(file, away / file.filename());
  }
  submit(epro, kReports);
  EXPECT_EQ(state_of(epro, 2 * kReports - 1), "journaled");
  for (const auto& file : std::filesystem::directory_iterator(away))
    std::filesystem::rename(file.path(), epro.database().parent_path() / file.path().filename());
  wait_until_stored(epro, 2 * kReports - 1);
  EXPECT_EQ(epro.terminate(), 0);
  EXPECT_EQ(stored_reports(folder.path() / "data" / "epro.db").size(), std::size_t{2 * kReports});
}

TEST(Promise2, StartsAndAcknowledgesWhileTheDatabaseIsLocked) {
  ScratchFolder folder;
  auto database = folder.path() / "data" / "epro.db";
  {
    EproProcess epro(folder.path());
    ASSERT_TRUE(epro.is_running());
    submit(epro, 0);
    EXPECT_EQ(epro.terminate(), 0);
  }
  std::optional<DatabaseLock> lock(std::in_place, database);
  EproProcess epro(folder.path());
  ASSERT_TRUE(epro.is_running());
  submit(epro, kReports);
  lock.reset();
  wait_until_stored(epro, 2 * kReports - 1);
  EXPECT_EQ(stored_reports(database).size(), std::size_t{2 * kReports});
}

}  // namespace
}  // namespace sluice::e2e
