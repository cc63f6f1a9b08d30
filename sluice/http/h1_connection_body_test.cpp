// SPDX-License-Identifier: MIT
//
// A connection and the bodies that come in.
#include <sluice/http/h1_connection.hpp>

#include <chrono>
#include <deque>
#include <string>

#include <malloc.h>

#include <gtest/gtest.h>

#include <sluice/http/h1_requests_test.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

// ---- bodies on their way in ----

TEST(H1Connection, ReadsAChunkedBody) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, echo);
    talk.say("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    EXPECT_EQ(talk.hear(), "");
    EXPECT_EQ(talk.ask("2\r\nde\r\n0\r\n\r\n").body, "abcde");
  });
}

TEST(H1Connection, InvitesABodyThatIsWaitedForOnlyWhenItIsRead) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, echo);
    talk.say("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    EXPECT_EQ(talk.hear(), "HTTP/1.1 100 Continue\r\n\r\n");
    Reply reply = talk.ask("abc");
    EXPECT_EQ(reply.body, "abc");
    EXPECT_FALSE(reply.closes);
  });
}

TEST(H1Connection, DoesNotInviteABodyThatNobodyReads) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    Reply reply = talk.ask("POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    EXPECT_EQ(reply.status, 200);
    EXPECT_TRUE(reply.closes);  // the body may come or not: nobody could tell it from a request
  });
}

TEST(H1Connection, DoesNotInviteABodyThatIsThereAlready) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, echo);
    EXPECT_EQ(talk.ask(post("abc", "Expect: 100-continue\r\n")).body, "abc");
  });
}

TEST(H1Connection, TakesABodyUpToTheLimitAndRefusesOneByteMore) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, echo);
    EXPECT_EQ(talk.ask(post(std::string(kBodyMax, 'x'))).body.size(), kBodyMax);
    // Refused by what it announces, before a byte of it is there.
    Reply reply = talk.ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n");
    EXPECT_EQ(reply.status, 413);
    EXPECT_TRUE(reply.closes);
  });
}

TEST(H1Connection, RefusesAChunkedBodyThatGrowsTooLarge) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, [](Context& own, Request& request) -> Result<void> { return request.read_body(own, 10); });
    EXPECT_EQ(talk.ask("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\n").status, 413);
  });
}

TEST(H1Connection, RefusesABodyThatEndsTooEarly) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, echo);
    talk.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc");
    talk.end_input();
    auto replies = talk.replies();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].status, 400);
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(H1Connection, DropsASmallBodyThatNobodyHasRead) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target, {.discard_bytes = 100});
    EXPECT_FALSE(talk.ask(post(std::string(100, 'x'))).closes);
    EXPECT_EQ(talk.ask(get("/next")).body, "/next");
  });
}

TEST(H1Connection, ClosesBehindALargeBodyThatNobodyHasRead) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target, {.discard_bytes = 100});
    EXPECT_TRUE(talk.ask(post(std::string(101, 'x'))).closes);
  });
}

TEST(H1Connection, NeverTakesAnUnreadBodyForARequest) {
  in_virtual_time([](Context& ctx) {
    for (const char* head : {"Transfer-Encoding: chunked\r\n", "Content-Length: 1000000\r\n",
                             "Expect: 100-continue\r\nContent-Length: 40\r\n"}) {
      Conversation talk(ctx, tell_target);
      talk.say("POST /first HTTP/1.1\r\nHost: h\r\n" + std::string(head) + "\r\n" + get("/smuggled"));
      auto replies = talk.replies();
      ASSERT_EQ(replies.size(), 1U) << head;
      EXPECT_TRUE(replies[0].closes) << head;
    }
  });
}

// Zero where a sanitizer has its own allocator.
std::size_t bytes_allocated() {
  struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST(H1Connection, KeepsNoLargeMemoryWhileItIdles) {
  in_virtual_time([](Context& ctx) {
    constexpr std::size_t kConnections = 16;
    std::deque<Conversation> talks;
    std::size_t before = bytes_allocated();
    for (std::size_t i = 0; i < kConnections; ++i) {
      Conversation& talk = talks.emplace_back(ctx, echo, H1Options{}, 4096);
      TaskGroup saying(ctx);
      saying.go([&](Context&) { talk.say(post(std::string(kBodyMax, 'x'))); });
      std::size_t heard = 0;
      while (heard < kBodyMax) heard += talk.hear().size();
      EXPECT_TRUE(saying.wait());
      EXPECT_FALSE(talk.is_over());
    }
    EXPECT_LT((bytes_allocated() - before) / kConnections, 64U * 1024);
  });
}

// The memory that each connection takes for a body of which `sent` bytes have come, and 1 MiB was announced.
std::size_t bytes_for_unfinished_body(std::size_t sent) {
  constexpr std::size_t kConnections = 16;
  std::size_t taken = 0;
  in_virtual_time([&](Context& ctx) {
    std::deque<Conversation> talks;
    for (std::size_t i = 0; i < kConnections; ++i) {
      talks.emplace_back(ctx, echo, H1Options{}, 1024).say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n");
    }
    let_all_park(ctx);
    std::size_t before = bytes_allocated();
    for (Conversation& talk : talks) talk.say(std::string(sent, 'x'));
    let_all_park(ctx);
    taken = (bytes_allocated() - before) / kConnections;
  });
  return taken;
}

TEST(H1Connection, TakesMemoryForABodyAsItComes) {
  constexpr std::size_t kOther = 2048;  // the wire, the allocator's own
  for (std::size_t sent : {1'000U, 10'000U, 40'000U, 300'000U}) {
    EXPECT_LE(bytes_for_unfinished_body(sent), 2 * sent + kOther) << sent;
  }
}

TEST(H1Connection, ReadsALargeBodyInFewPieces) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, echo);
    EXPECT_EQ(talk.ask(post(std::string(kBodyMax, 'x'))).body.size(), kBodyMax);
    EXPECT_LE(talk.reads_so_far(), static_cast<int>(kBodyMax / H1Connection::kBodyReadBytes) + 8);
  });
}

// ---- the budget of all bodies ----

constexpr std::size_t kFree = BodyShare::kUncountedBytes;

std::string begin_post(std::size_t announced) {
  return "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(announced) + "\r\n\r\n";
}

TEST(H1Connection, CountsABodyAsItComesAndGivesItBackWithTheReply) {
  in_virtual_time([](Context& ctx) {
    BodyBudget budget(100'000);
    Conversation talk(ctx, echo, {}, kWideWire, &budget);
    talk.say(begin_post(kFree + 50'000));
    EXPECT_EQ(talk.hear(), "");
    EXPECT_EQ(budget.used(), 0U);
    talk.say(std::string(kFree + 20'000, 'x'));
    EXPECT_EQ(talk.hear(), "");
    EXPECT_EQ(budget.used(), 20'000U);
    Reply reply = talk.ask(std::string(30'000, 'x'));
    EXPECT_EQ(reply.status, 200);
    EXPECT_FALSE(reply.closes);
    EXPECT_EQ(budget.used(), 0U);
  });
}

TEST(H1Connection, RefusesABodyThatTheBudgetHasNoRoomForAndOnlyThat) {
  in_virtual_time([](Context& ctx) {
    BodyBudget budget(50'000);
    Conversation holder(ctx, echo, {}, kWideWire, &budget);
    holder.say(begin_post(kFree + 50'001) + std::string(kFree + 50'000, 'x'));
    EXPECT_EQ(holder.hear(), "");
    EXPECT_EQ(budget.used(), 50'000U);

    Conversation small(ctx, echo, {}, kWideWire, &budget);
    EXPECT_EQ(small.ask(post(std::string(kFree, 'x'))).status, 200);

    Conversation large(ctx, echo, {}, kWideWire, &budget);
    Reply refusal = large.ask(post(std::string(kFree + 1, 'x')));
    EXPECT_EQ(refusal.status, 503);
    EXPECT_TRUE(refusal.body.contains(R"("code":"overloaded")")) << refusal.body;
    EXPECT_TRUE(refusal.headers.find("retry-after"));
    EXPECT_TRUE(refusal.closes);
    EXPECT_EQ(large.refusals.reasons, std::vector<std::string>{"body-budget"});

    holder.hang_up();
    let_all_park(ctx);
    EXPECT_EQ(budget.used(), 0U);
    Conversation later(ctx, echo, {}, kWideWire, &budget);
    EXPECT_EQ(later.ask(post(std::string(kFree + 1, 'x'))).status, 200);
  });
}

TEST(H1Connection, CountsAChunkedBodyAndGivesItBackWhenItIsRefused) {
  in_virtual_time([](Context& ctx) {
    BodyBudget budget(5'000);
    Conversation talk(ctx, echo, {}, kWideWire, &budget);
    const std::string chunk = "fa0\r\n" + std::string(4000, 'x') + "\r\n";
    talk.say("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + chunk);
    EXPECT_EQ(talk.hear(), "");
    EXPECT_EQ(budget.used(), 8000 - kFree);
    EXPECT_EQ(talk.ask(chunk).status, 503);
    EXPECT_FALSE(talk.is_over());  // it lingers, but holds nothing
    EXPECT_EQ(budget.used(), 0U);
  });
}

TEST(H1Connection, GivesBackWhatABrokenOffBodyHeld) {
  in_virtual_time([](Context& ctx) {
    BodyBudget budget(50'000);
    Conversation talk(ctx, echo, {}, kWideWire, &budget);
    talk.say(begin_post(kFree + 2) + std::string(kFree + 1, 'x'));
    EXPECT_EQ(talk.hear(), "");
    EXPECT_EQ(budget.used(), 1U);
    talk.wait(11s);
    EXPECT_EQ(talk.replies().at(0).status, 408);
    EXPECT_EQ(budget.used(), 0U);
  });
}

}  // namespace
}  // namespace sluice::http
