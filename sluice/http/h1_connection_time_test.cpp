// SPDX-License-Identifier: MIT
//
// How long a connection waits for its client.
#include <sluice/http/h1_connection.hpp>

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include <sluice/http/h1_requests_test.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

TEST(H1Connection, ClosesAnIdleConnectionWithoutAWord) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target, {.idle_time = 75s});
    talk.ask(get("/a"));
    talk.wait(74s);
    EXPECT_EQ(talk.ask(get("/b")).body, "/b");  // begins anew
    talk.wait(74s);
    EXPECT_FALSE(talk.is_over());
    talk.wait(1s);
    EXPECT_TRUE(talk.is_over());
    EXPECT_EQ(take_arrived(talk.client()), "");
  });
}

TEST(H1Connection, GivesAHeadItsTimeAndNoMore) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target, {.head_time = 10s});
    talk.say("GET / HTTP/1.1\r\n");
    for (int i = 0; i < 9; ++i) {
      talk.wait(1s);
      talk.say("X: 1\r\n");  // a slow-loris keeps sending
    }
    EXPECT_EQ(talk.hear(), "");
    talk.wait(1s);
    auto replies = talk.replies();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].status, 408);
    talk.end_input();
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(H1Connection, BreaksOffABodyThatTrickles) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, echo, {.transfer_span = 10s, .bytes_per_second = 10});
    talk.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
    for (int i = 0; i < 9; ++i) {
      talk.wait(1s);
      talk.say("x");
    }
    EXPECT_EQ(talk.hear(), "");
    talk.wait(1s);
    auto replies = talk.replies();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].status, 408);
    EXPECT_TRUE(replies[0].closes);
  });
}

TEST(H1Connection, LetsABodyTakeLongAsLongAsItMoves) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, echo, {.transfer_span = 10s, .bytes_per_second = 10});
    talk.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1200\r\n\r\n");
    for (int i = 0; i < 100; ++i) {
      talk.wait(1s);
      talk.say(std::string(12, 'x'));
    }
    EXPECT_EQ(talk.replies().at(0).body.size(), 1200U);
  });
}

TEST(H1Connection, BreaksOffAReplyThatNobodyReads) {
  in_virtual_time([](Context& ctx) {
    auto large = [](Context&, const Request&) { return Response::text(std::string(1 << 20, 'x')); };
    Conversation talk(ctx, large, {.transfer_span = 10s}, 4096);
    talk.say(get("/"));
    talk.wait(9s);
    EXPECT_FALSE(talk.is_over());
    talk.wait(2s);
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(H1Connection, FeedsASlowReaderForAsLongAsItTakes) {
  in_virtual_time([](Context& ctx) {
    auto large = [](Context&, const Request&) { return Response::text(std::string(100'000, 'x')); };
    Conversation talk(ctx, large, {.transfer_span = 10s, .bytes_per_second = 1024}, 1200);
    talk.say(get("/"));
    std::string heard;
    for (int i = 0; i < 100 && !talk.is_over(); ++i) {
      heard.append(talk.hear());
      talk.wait(1s);
    }
    EXPECT_EQ(parse_replies(heard).at(0).body.size(), 100'000U);
    EXPECT_FALSE(talk.is_over());
  });
}

TEST(H1Connection, StopsToAnswerAPipelineWhoseRepliesNobodyReads) {
  in_virtual_time([](Context& ctx) {
    constexpr std::size_t kReplyBytes = 1000;
    constexpr std::size_t kWire = 16 * 1024;
    std::size_t answered = 0;
    auto count = [&](Context&, const Request&) {
      ++answered;
      return Response::text(std::string(kReplyBytes, 'x'));
    };
    Conversation talk(ctx, count, {}, kWire);
    TaskGroup group(ctx);
    group.go([&](Context& own) {
      const std::string request = get("/");
      for (int i = 0; i < 10'000; ++i) {
        if (!talk.client().write(own, as_bytes(request))) return;
      }
      ADD_FAILURE() << "the client was never made to wait";
    });
    talk.wait(1s);
    EXPECT_LT(answered * kReplyBytes, H1Connection::kOutputBytes + kWire + kReplyBytes);
    talk.wait(20s);  // nobody has read for too long
    EXPECT_TRUE(talk.is_over());
  });
}

}  // namespace
}  // namespace sluice::http
