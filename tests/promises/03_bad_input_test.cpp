// SPDX-License-Identifier: MIT
//
// Promise 3: bad input gets a clear 4xx that names the field, never the value, or a closed connection; memory stays
// bounded, and others are served on.
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

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
  EproProcess epro_{folder_.path()};
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
    EXPECT_EQ(answer.find("7731"), answer.npos) << answer;
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
  EXPECT_EQ(::send(fd, start.data(), start.size(), MSG_NOSIGNAL), static_cast<ssize_t>(start.size()));
  return fd;
}

TEST_F(Promise3, SlowClientsHoldNobodyUpAndLittleMemory) {
  constexpr int kSlow = 800;
  constexpr std::size_t kBytesPerClient = 128 << 10;
  std::size_t before = epro_.resident_bytes();
  std::vector<int> slow;
  for (int i = 0; i < kSlow; ++i) slow.push_back(connect_idle(epro_.port(), "POST /v1/studies/DEMO/submissions HT"));
  EXPECT_EQ(status_of(ask(epro_.port(), "POST", kSubmissions, diary(5))), 202);
  EXPECT_LT(epro_.resident_bytes(), before + kSlow * kBytesPerClient);
  for (int fd : slow) ::close(fd);
}

TEST_F(Promise3, MemoryStaysBoundedUnderAFloodOfBadRequests) {
  std::string large(1 << 20, '[');
  for (int i = 0; i < 20; ++i) ask(epro_.port(), "POST", kSubmissions, large);
  std::size_t before = epro_.resident_bytes();
  for (int i = 0; i < 200; ++i) ask(epro_.port(), "POST", kSubmissions, large);
  EXPECT_LT(epro_.resident_bytes(), before + (64 << 20));
}

}  // namespace
}  // namespace sluice::e2e
