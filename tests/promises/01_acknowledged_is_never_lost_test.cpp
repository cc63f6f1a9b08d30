// SPDX-License-Identifier: MIT
//
// Promise 1: a report that was acknowledged is never lost, and never stored twice.
// Twenty times: start the server, let eight clients submit, kill it with SIGKILL in the middle, start it again, and
// submit everything once more: what was acknowledged must be known, with the same receipt. At the end the database is
// read past epro.
#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "e2e/epro_process.hpp"
#include "e2e/report.hpp"
#include "e2e/stored_reports.hpp"

namespace sluice::e2e {
namespace {

constexpr int kRounds = 20;
constexpr int kClients = 8;

struct Acknowledged {
  std::mutex mutex;
  std::map<std::uint64_t, std::string> receipts;  // by report number
};

std::uint64_t seed() {
  const char* given = std::getenv("SLUICE_SEED");
  return given ? std::strtoull(given, nullptr, 10) : std::random_device()();
}

// Submits reports of its own until the server is gone; how far it came is in `next`.
void submit_until_killed(std::uint16_t port, std::atomic<std::uint64_t>& next, Acknowledged& acknowledged,
                         std::atomic<std::uint64_t>& count) {
  for (;;) {
    std::uint64_t number = next.fetch_add(1);
    std::string answer = ask(port, "POST", kSubmissions, diary(number));
    if (answer.empty()) return;
    if (status_of(answer) != 202) continue;
    std::string receipt = member(body_of(answer), "receiptId");
    std::lock_guard hold(acknowledged.mutex);
    acknowledged.receipts.emplace(number, receipt);
    count.fetch_add(1);
    count.notify_all();
  }
}

void wait_for_count(std::atomic<std::uint64_t>& count, std::uint64_t wanted) {
  for (std::uint64_t seen = count.load(); seen < wanted; seen = count.load()) count.wait(seen);
}

TEST(Promise1, AnAcknowledgedReportSurvivesSigkillAndIsStoredOnce) {
  std::uint64_t used_seed = seed();
  RecordProperty("seed", std::to_string(used_seed));
  SCOPED_TRACE("SLUICE_SEED=" + std::to_string(used_seed));
  std::mt19937_64 random(used_seed);
  ScratchFolder folder;
  Acknowledged acknowledged;
  std::atomic<std::uint64_t> next{0};

  for (int round = 0; round < kRounds; ++round) {
    std::atomic<std::uint64_t> count{0};
    EproProcess epro(folder.path());
    ASSERT_TRUE(epro.is_running());
    // Everything from the rounds before, once more: known, and the same receipt.
    for (const auto& [number, receipt] : acknowledged.receipts) {
      if (number % kRounds != static_cast<std::uint64_t>(round)) continue;  // a share each round; all of them at the end
      std::string answer = ask(epro.port(), "POST", kSubmissions, diary(number));
      ASSERT_EQ(status_of(answer), 200) << "report " << number;
      ASSERT_EQ(member(body_of(answer), "receiptId"), receipt);
    }
    std::vector<std::thread> clients;
    for (int i = 0; i < kClients; ++i)
      clients.emplace_back([&] { submit_until_killed(epro.port(), next, acknowledged, count); });
    wait_for_count(count, 1 + random() % 200);
    epro.kill();
    for (std::thread& client : clients) client.join();
  }

  {
    EproProcess epro(folder.path());
    ASSERT_TRUE(epro.is_running());
    for (const auto& [number, receipt] : acknowledged.receipts) {
      std::string answer = ask(epro.port(), "POST", kSubmissions, diary(number));
      ASSERT_EQ(status_of(answer), 200) << "report " << number;
      ASSERT_EQ(member(body_of(answer), "receiptId"), receipt);
    }
    auto database = epro.database();
    EXPECT_EQ(epro.terminate(), 0);
    auto stored = stored_reports(database);
    for (const auto& [number, receipt] : acknowledged.receipts) {
      auto at = stored.find(submission_id(number));
      ASSERT_NE(at, stored.end()) << "lost: report " << number;
      ASSERT_EQ(at->second, receipt);
    }
    // The id is the primary key, so a doubled report would have another one: there is none that was never sent.
    for (const auto& [id, receipt] : stored)
      ASSERT_LT(std::stoull(id.substr(id.rfind('-') + 1), nullptr, 16), next.load()) << "never sent: " << id;
  }
  Finished verified = run_epro({"verify", "--data", (folder.path() / "data").string()});
  EXPECT_EQ(verified.status, 0) << verified.output;
}

}  // namespace
}  // namespace sluice::e2e
