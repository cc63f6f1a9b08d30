// SPDX-License-Identifier: MIT
#include <apps/epro/client/ledger.hpp>

#include <csignal>
#include <filesystem>
#include <string>

#include <sys/resource.h>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>
#include <sluice/runtime/fiber_test.hpp>

#include <apps/epro/client/files_test.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Context;
using sluice::in_virtual_time;

const LedgerRun kRun{"BURST", "burst-7-"};

Uuid id_of(int number) { return derive_uuid({"test", std::to_string(number)}); }
Intent intent_of(int number) { return {id_of(number), sluice::sha256(sluice::as_bytes(std::to_string(number)))}; }

class LedgerFile : public ::testing::Test {
 protected:
  std::string text() const { return file_text(path_); }
  void write(std::string_view text) const { write_file(path_, text); }
  /// Two intents; the first is acknowledged.
  void fill(Context& ctx) const {
    auto ledger = Ledger::create(ctx, path_, kRun);
    ASSERT_TRUE(ledger) << ledger.error().describe();
    ASSERT_TRUE((*ledger)->intend(ctx, {intent_of(1), intent_of(2)}));
    ASSERT_TRUE((*ledger)->answer(ctx, id_of(1), 202, "r_1"));
  }

  ScratchFolder folder_;
  std::filesystem::path path_ = folder_.path() / "ledger";
};

TEST_F(LedgerFile, GivesBackWhatWasWritten) {
  in_virtual_time([&](Context& ctx) {
    fill(ctx);
    auto content = read_ledger(ctx, path_);
    ASSERT_TRUE(content) << content.error().describe();
    EXPECT_EQ(content->run, kRun);
    EXPECT_FALSE(content->is_torn);
    ASSERT_EQ(content->entries.size(), 2u);
    EXPECT_EQ(content->entries.at(id_of(1)).payload_sha256, intent_of(1).payload_sha256);
    EXPECT_EQ(content->entries.at(id_of(1)).status, 202);
    EXPECT_EQ(content->entries.at(id_of(1)).receipt_id, "r_1");
    EXPECT_EQ(content->entries.at(id_of(2)).status, 0);
  });
}

TEST_F(LedgerFile, AnAnswerIsInTheFileWhenItsCallReturns) {
  in_virtual_time([&](Context& ctx) {
    auto ledger = Ledger::create(ctx, path_, kRun);
    ASSERT_TRUE(ledger);
    ASSERT_TRUE((*ledger)->intend(ctx, {intent_of(1)}));
    ASSERT_TRUE((*ledger)->answer(ctx, id_of(1), 403, ""));
    EXPECT_TRUE(text().ends_with("answer " + id_of(1).text() + " 403 -\n"));
  });
}

TEST_F(LedgerFile, ManyFibersAnswerAtOnce) {
  constexpr int kCount = 5'000;
  sluice::on_processors(2, [&](Context& ctx) {
    auto ledger = Ledger::create(ctx, path_, kRun);
    ASSERT_TRUE(ledger);
    std::vector<Intent> intents;
    for (int i = 0; i < kCount; ++i) intents.push_back(intent_of(i));
    ASSERT_TRUE((*ledger)->intend(ctx, intents));
    sluice::TaskGroup group(ctx);
    for (int i = 0; i < kCount; ++i)
      group.go([&, i](Context& own) { return (*ledger)->answer(own, id_of(i), 202, "r_" + std::to_string(i)); });
    ASSERT_TRUE(group.wait());
    auto content = read_ledger(ctx, path_);
    ASSERT_TRUE(content) << content.error().describe();
    ASSERT_EQ(content->entries.size(), static_cast<std::size_t>(kCount));
    for (int i = 0; i < kCount; ++i) EXPECT_EQ(content->entries.at(id_of(i)).receipt_id, "r_" + std::to_string(i));
  });
}

TEST_F(LedgerFile, ATornLastLineSaysNothing) {
  in_virtual_time([&](Context& ctx) {
    fill(ctx);
    std::string whole = text();
    std::size_t last_line = whole.rfind("answer");
    for (std::size_t cut = last_line + 1; cut < whole.size(); ++cut) {
      write(whole.substr(0, cut));
      auto content = read_ledger(ctx, path_);
      ASSERT_TRUE(content) << "cut at " << cut;
      EXPECT_TRUE(content->is_torn);
      EXPECT_EQ(content->entries.at(id_of(1)).status, 0) << "cut at " << cut;
    }
  });
}

TEST_F(LedgerFile, ALineThatDoesNotFitIsDataLoss) {
  in_virtual_time([&](Context& ctx) {
    fill(ctx);
    const std::string whole = text();
    const std::string id = id_of(2).text();
    const std::string digest(64, '0');
    for (const std::string& line :
         {std::string(), std::string("answer"), "answer " + id + " 202 r_2 more", "answer " + id + " 20x r_2",
          "answer " + id + " 0 r_2", "answer " + id + " 202 ", "answer " + id_of(1).text() + " 202 r_1",
          "answer " + id_of(3).text() + " 202 r_3", "intent " + id + " " + digest, "intent nobody " + digest,
          "intent " + id_of(3).text() + " 00", std::string("run OTHER burst-8-"), std::string("hello")}) {
      write(whole + line + "\n");
      auto content = read_ledger(ctx, path_);
      ASSERT_FALSE(content) << line;
      EXPECT_EQ(content.error().code(), Code::kDataLoss);
      EXPECT_EQ(content.error().reason(), "bad-ledger");
    }
    write("# no run\n");
    EXPECT_EQ(read_ledger(ctx, path_).error().code(), Code::kDataLoss);
  });
}

TEST_F(LedgerFile, IsAboutOneRun) {
  in_virtual_time([&](Context& ctx) {
    fill(ctx);
    auto again = Ledger::create(ctx, path_, kRun);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code(), Code::kAlreadyExists);
    EXPECT_EQ(read_ledger(ctx, folder_.path() / "none").error().code(), Code::kNotFound);
  });
}

TEST_F(LedgerFile, AfterAFailureNothingCountsAnyMore) {
  // A file may not grow beyond this: the write that would exceed it fails, as on a full disk.
  constexpr rlim_t kBytes = 1024;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  in_virtual_time([&](Context& ctx) {
    auto ledger = Ledger::create(ctx, path_, kRun);
    ASSERT_TRUE(ledger);
    rlimit tight = before;
    tight.rlim_cur = kBytes;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
    std::vector<Intent> many;
    for (int i = 0; i < 100; ++i) many.push_back(intent_of(i));
    EXPECT_FALSE((*ledger)->intend(ctx, many));
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_FALSE((*ledger)->answer(ctx, id_of(1), 202, "r_1"));
  });
  ::signal(SIGXFSZ, old_handler);
}

}  // namespace
}  // namespace epro
