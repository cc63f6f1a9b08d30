// SPDX-License-Identifier: MIT
//
// Promise 3: bad input gets a clear 4xx that names the field, never the value, or a closed connection; memory stays
// bounded, and others are served on.
#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <sluice/runtime/fiber_test.hpp>

#include "e2e/epro_process.hpp"
#include "e2e/report.hpp"

namespace sluice::e2e {
namespace {

class Promise3 : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(epro_.is_running()); }
  // Whatever has been done to it, it serves on.
  void TearDown() override {
    if (!epro_.is_running()) return;
    EXPECT_EQ(status_of(ask(epro_.port(), "POST", kSubmissions, diary(999'999))), 202);
  }

  ScratchFolder folder_;
  // Without shedding: here 800 come at once, and none is to be refused for the time that it takes under a sanitizer.
  EproProcess epro_{folder_.path(), "Middlewares: { Shedding: false }\n"};
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  auto at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return text.replace(at, from.size(), to);
}

struct BadBody {
  const char* name;
  std::string body;
  int status;
  std::string code;
  std::string pointer;
};

// "CANARY-7731" stands for health data: it must not come back in any answer.
std::vector<BadBody> bad_bodies() {
  const std::string good = diary(1);
  return {
      {"empty", "", 400, "malformed-json", ""},
      {"cut off", good.substr(0, good.size() / 2), 400, "malformed-json", ""},
      {"trailing garbage", good + "CANARY-7731", 400, "malformed-json", ""},
      {"not an object", R"(["CANARY-7731"])", 400, "invalid-envelope", ""},
      {"invalid UTF-8", replaced(good, "phone-1", "CANARY-7731\xff"), 400, "invalid-utf8", ""},
      {"too deep", std::string(5000, '[') + std::string(5000, ']'), 400, "too-deep", ""},
      {"a key twice", replaced(good, R"("originator")", R"("originator":"CANARY-7731","originator")"), 400,
       "duplicate-key", "/originator"},
      {"a key twice, deep", replaced(good, R"("id":"phone-1")", R"("id":"phone-1","id":"CANARY-7731")"), 400,
       "duplicate-key", "/device/id"},
      {"no id", replaced(good, R"("submissionId")", R"("other")"), 400, "invalid-envelope", "/submissionId"},
      {"id of wrong type", replaced(good, "\"" + submission_id(1) + "\"", "7731"), 400, "invalid-envelope",
       "/submissionId"},
      {"id that is no UUID", replaced(good, submission_id(1), "CANARY-7731"), 400, "invalid-envelope", "/submissionId"},
      {"sequence of wrong type", replaced(good, R"("seq":2)", R"("seq":"CANARY-7731")"), 400, "invalid-envelope",
       "/device/seq"},
      {"sequence zero", replaced(good, R"("seq":2)", R"("seq":0)"), 400, "invalid-envelope", "/device/seq"},
      {"items of wrong type", replaced(good, R"("items":[)", R"("items":"CANARY-7731","x":[)"), 400, "invalid-envelope",
       "/items"},
      {"an item that is none", replaced(good, R"("items":[)", R"("items":["CANARY-7731",)"), 400, "invalid-envelope",
       "/items/0"},
  };
}

TEST_F(Promise3, ABadBodyIsRefusedByFieldAndNeverByValue) {
  for (const BadBody& bad : bad_bodies()) {
    SCOPED_TRACE(bad.name);
    std::string answer = ask(epro_.port(), "POST", kSubmissions, bad.body);
    EXPECT_EQ(status_of(answer), bad.status) << answer;
    EXPECT_NE(answer.find("application/problem+json"), answer.npos);
    EXPECT_EQ(member(body_of(answer), "code"), bad.code) << body_of(answer);
    EXPECT_EQ(member(body_of(answer), "pointer"), bad.pointer) << body_of(answer);
    EXPECT_EQ(answer.find("CANARY"), answer.npos) << answer;
    // Only there: a trace id in the head may hold these digits by chance.
    EXPECT_EQ(body_of(answer).find("7731"), std::string::npos) << answer;
  }
}

TEST_F(Promise3, WhatCannotBeUsedButIsAReportIsQuarantined) {
  struct Case {
    std::string body;
    std::string code;
    std::string pointer;
  };
  const std::string good = diary(1);
  std::vector<Case> cases = {
      {replaced(good, R"("pain","value":4)", R"("pain","value":11)"), "value-not-allowed", "/items/0/value"},
      {replaced(good, R"("pain","value":4)", R"("pain","value":"CANARY")"), "value-type", "/items/0/value"},
      {replaced(good, R"("linkId":"pain")", R"("linkId":"CANARY")"), "item-unknown", "/items/0/linkId"},
      {replaced(good, R"("version":"1")", R"("version":"9")"), "instrument-version-unknown", "/instrument/version"},
      {replaced(good, "2026-03-02T20:03:11.120+01:00", "2026-02-30T20:03:11.120+01:00"), "capture-time-invalid",
       "/capturedAt"},
      {replaced(good, "2026-03-02T20:03:11.120+01:00", "2026-03-02T20:03:11.120"), "capture-time-ambiguous",
       "/capturedAt"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].code);
    std::string answer =
        ask(epro_.port(), "POST", kSubmissions, replaced(cases[i].body, submission_id(1), submission_id(100 + i)));
    EXPECT_EQ(status_of(answer), 202) << answer;
    EXPECT_EQ(member(body_of(answer), "disposition"), "quarantined") << answer;
    EXPECT_EQ(member(body_of(answer), "code"), cases[i].code) << answer;
    EXPECT_EQ(member(body_of(answer), "pointer"), cases[i].pointer) << answer;
    EXPECT_EQ(answer.find("CANARY"), answer.npos) << answer;
  }
}

TEST_F(Promise3, ForeignContentTypesStudiesAndPatientsAreRefused) {
  EXPECT_EQ(status_of(ask(epro_.port(), "POST", kSubmissions, diary(1), "text/xml")), 415);
  EXPECT_EQ(status_of(ask(epro_.port(), "POST", "/v1/studies/NOPE/submissions", diary(1))), 403);
  std::string stranger = replaced(diary(1), kDemoPatient, "00000000-0000-4000-8000-00000000dead");
  EXPECT_EQ(status_of(ask(epro_.port(), "POST", kSubmissions, stranger)), 403);
  EXPECT_EQ(status_of(ask(epro_.port(), "DELETE", kSubmissions)), 405);
  EXPECT_EQ(status_of(ask(epro_.port(), "GET", "/nowhere")), 404);
}

TEST_F(Promise3, OversizedBodiesAreRefusedHoweverTheyCome) {
  std::string large(8 << 20, 'x');
  EXPECT_EQ(status_of(ask(epro_.port(), "POST", kSubmissions, large)), 413);
  std::string chunked = "POST /v1/studies/DEMO/submissions HTTP/1.1\r\nHost: e\r\nContent-Type: application/json\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 128; ++i) chunked += "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  EXPECT_EQ(status_of(exchange(epro_.port(), chunked + "0\r\n\r\n")), 413);
}

TEST_F(Promise3, BrokenHttpIsRefusedOrClosed) {
  const std::string head = "POST /v1/studies/DEMO/submissions HTTP/1.1\r\nHost: e\r\nContent-Type: application/json\r\n";
  struct Case {
    const char* name;
    std::string bytes;
  };
  std::vector<Case> cases = {
      {"not HTTP", "CANARY\r\n\r\n"},
      {"no host", "GET /ping HTTP/1.1\r\n\r\n"},
      {"two hosts", "GET /ping HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
      {"both lengths", head + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"two lengths", head + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"},
      {"negative length", head + "Content-Length: -1\r\n\r\n"},
      {"huge length", head + "Content-Length: 99999999999999999999\r\n\r\n"},
      {"bad chunk size", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"},
      {"chunk without its end", head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcXX0\r\n\r\n"},
      {"folded header", "GET /ping HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n"},
      {"blank before the colon", "GET /ping HTTP/1.1\r\nHost : a\r\n\r\n"},
      {"bare LF", "GET /ping HTTP/1.1\nHost: a\n\n"},
      {"a header flood", "GET /ping HTTP/1.1\r\nHost: a\r\n" + [] {
         std::string flood;
         for (int i = 0; i < 20'000; ++i) flood += "X-" + std::to_string(i) + ": y\r\n";
         return flood;
       }() + "\r\n"},
      {"one huge header", "GET /ping HTTP/1.1\r\nHost: a\r\nX: " + std::string(4 << 20, 'y') + "\r\n\r\n"},
      {"a huge target", "GET /" + std::string(4 << 20, 'y') + " HTTP/1.1\r\nHost: a\r\n\r\n"},
  };
  for (const Case& item : cases) {
    SCOPED_TRACE(item.name);
    int status = status_of(exchange(epro_.port(), item.bytes));
    EXPECT_TRUE(status == 0 || (status >= 400 && status < 500)) << status;
  }
}

TEST_F(Promise3, AClientThatLeavesInTheMiddleHarmsNobody) {
  std::string whole = "POST /v1/studies/DEMO/submissions HTTP/1.1\r\nHost: e\r\nContent-Type: application/json\r\n"
                      "Content-Length: " + std::to_string(diary(1).size()) + "\r\n\r\n" + diary(1);
  for (std::size_t cut = 0; cut < whole.size(); cut += 7) {
    int status = status_of(exchange(epro_.port(), std::string_view(whole).substr(0, cut)));
    EXPECT_TRUE(status == 0 || status == 400 || status == 408) << "cut at " << cut << ": " << status;
  }
}

int connect_idle(std::uint16_t port, std::string_view start) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  // All of it, unless the server refuses it meanwhile.
  while (!start.empty()) {
    ssize_t count = ::send(fd, start.data(), start.size(), MSG_NOSIGNAL);
    if (count <= 0) break;
    start.remove_prefix(static_cast<std::size_t>(count));
  }
  return fd;
}

// Clients who have begun something and do not go on. Fails the test if one of them is not taken.
class Waiting {
 public:
  Waiting() = default;
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    for (int fd : clients_) ::close(fd);
  }
  void begin(std::uint16_t port, std::string_view start) { clients_.push_back(connect_idle(port, start)); }
  /// How many have been answered or closed. Does not wait.
  [[nodiscard]] int count_answered() const {
    char byte;
    return static_cast<int>(std::count_if(clients_.begin(), clients_.end(), [&](int fd) {
      return ::recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0 || errno != EAGAIN;
    }));
  }

 private:
  std::vector<int> clients_;
};

// Once this is answered, both processors have had the time to read what was sent before: it came later, and waits for a
// sync of the journal.
void expect_served(std::uint16_t port, std::uint64_t first_number) {
  for (std::uint64_t i = 0; i < 20; ++i)
    EXPECT_EQ(status_of(ask(port, "POST", kSubmissions, diary(first_number + i))), 202);
}

// A sanitizer keeps freed memory and shadows all of it: resident memory says nothing there.
void expect_grown_by_at_most(const EproProcess& epro, std::size_t before, std::size_t bytes) {
  if (kSanitized) return;
  EXPECT_LT(epro.resident_bytes(), before + bytes);
}

TEST_F(Promise3, SlowClientsHoldNobodyUpAndLittleMemory) {
  constexpr std::size_t kSlow = 800;
  constexpr std::size_t kBytesPerClient = 20 << 10;  // a fiber's touched stack, the head's strings, a page of input
  expect_served(epro_.port(), 5000);                 // what everybody shares is there
  std::size_t before = epro_.resident_bytes();
  Waiting slow;
  for (std::size_t i = 0; i < kSlow; ++i) slow.begin(epro_.port(), "POST /v1/studies/DEMO/submissions HT");
  expect_served(epro_.port(), 6000);
  EXPECT_EQ(slow.count_answered(), 0);
  expect_grown_by_at_most(epro_, before, kSlow * kBytesPerClient);
}

std::string begin_vitals(std::size_t announced, std::size_t sent) {
  return "POST /v1/studies/DEMO/vitals:batch HTTP/1.1\r\nHost: e\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(announced) + "\r\n\r\n" + std::string(sent, '[');
}

TEST_F(Promise3, MemoryFollowsWhatHasComeOfABodyNotWhatWasAnnounced) {
  constexpr std::size_t kClients = 800;
  constexpr std::size_t kSent = 1000;
  constexpr std::size_t kBytesPerClient = (20 << 10) + 2 * kSent;  // as above
  expect_served(epro_.port(), 5000);
  std::size_t before = epro_.resident_bytes();
  Waiting clients;
  for (std::size_t i = 0; i < kClients; ++i) clients.begin(epro_.port(), begin_vitals(4'000'000, kSent));
  expect_served(epro_.port(), 6000);
  EXPECT_EQ(clients.count_answered(), 0);
  expect_grown_by_at_most(epro_, before, kClients * kBytesPerClient);
}

TEST_F(Promise3, MemoryStaysBoundedUnderAFloodOfLargeUnfinishedBodies) {
  // Below the budget of all bodies (256 MiB): all are kept, each takes at most twice what it sent.
  constexpr std::size_t kClients = 100;
  constexpr std::size_t kSent = 1'000'000;
  expect_served(epro_.port(), 5000);
  std::size_t before = epro_.resident_bytes();
  Waiting clients;
  for (std::size_t i = 0; i < kClients; ++i) clients.begin(epro_.port(), begin_vitals(4'000'000, kSent));
  expect_served(epro_.port(), 6000);
  EXPECT_EQ(clients.count_answered(), 0);
  expect_grown_by_at_most(epro_, before, kClients * 2 * kSent);
}

TEST_F(Promise3, LargeBodiesBeyondTheBudgetAreRefusedWhileSmallOnesAreServed) {
  constexpr std::size_t kBudget = 256 << 20;
  constexpr std::size_t kClients = 120;
  constexpr std::size_t kSent = 3'500'000;  // times kClients: 400 MiB
  expect_served(epro_.port(), 5000);
  std::size_t before = epro_.resident_bytes();
  Waiting clients;
  for (std::size_t i = 0; i < kClients; ++i) clients.begin(epro_.port(), begin_vitals(4'000'000, kSent));
  expect_served(epro_.port(), 6000);
  // The last bytes may still be on their way, so we look again, each time after another request.
  constexpr int kAtLeast = static_cast<int>(kClients - kBudget / kSent - 1);
  int refused = clients.count_answered();
  for (int i = 1; refused < kAtLeast && i <= 100; ++i) {
    expect_served(epro_.port(), 6000 + 20 * static_cast<std::uint64_t>(i));
    refused = clients.count_answered();
  }
  EXPECT_GE(refused, kAtLeast);
  EXPECT_LT(refused, static_cast<int>(kClients) / 2);
  expect_grown_by_at_most(epro_, before, kBudget + kBudget / 2);
}

}  // namespace
}  // namespace sluice::e2e
