// SPDX-License-Identifier: MIT
//
// What a connection refuses, and how it closes then.
#include <sluice/http/h1_connection.hpp>

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include <sluice/http/h1_requests_test.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

struct BadRequest {
  const char* bytes;
  int status;
  const char* reason;
};

TEST(H1Connection, RefusesWhatItCannotTrustAndCloses) {
  for (auto [bytes, status, reason] : {
           BadRequest{"GET /\r\n\r\n", 400, "bad-request-line"},
           BadRequest{"GET / HTTP/1.1\nHost: h\n\n", 400, "bare-lf"},
           BadRequest{"GET / HTTP/1.1\r\n\r\n", 400, "missing-host"},
           BadRequest{"GET / HTTP/1.1\r\nHost: h\r\n x\r\n\r\n", 400, "obs-fold"},
           BadRequest{"GET / HTTP/2.0\r\n\r\n", 505, "version-not-supported"},
           BadRequest{"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
                      "length-and-coding"},
           BadRequest{"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501,
                      "transfer-coding-unknown"},
           BadRequest{"\x16\x03\x01\x02\r\n\r\n", 400, "bad-request-line"},  // somebody speaks TLS to us
       }) {
    in_virtual_time([&](Context& ctx) {
      Conversation talk(ctx, tell_target);
      talk.say(std::string(bytes) + get("/smuggled"));
      auto replies = talk.replies();
      ASSERT_EQ(replies.size(), 1U) << bytes;
      EXPECT_EQ(replies[0].status, status) << bytes;
      EXPECT_TRUE(replies[0].closes) << bytes;
      EXPECT_TRUE(replies[0].body.contains("\"code\":\"" + std::string(reason) + "\"")) << replies[0].body;
      EXPECT_EQ(talk.refusals.reasons, std::vector<std::string>{reason});
      talk.end_input();
      EXPECT_TRUE(talk.is_over());
    });
  }
}

TEST(H1Connection, AnswersWhatCameBeforeABadRequest) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    talk.say(get("/a") + get("/b") + "nonsense\r\n");
    auto replies = talk.replies();
    ASSERT_EQ(replies.size(), 3U);
    EXPECT_EQ(replies[1].body, "/b");
    EXPECT_EQ(replies[2].status, 400);
  });
}

TEST(H1Connection, HoldsHeadsToTheirLimits) {
  in_virtual_time([](Context& ctx) {
    const H1Options options{
        .limits = {.start_line_bytes = 64, .field_line_bytes = 64, .head_bytes = 256, .field_count = 5}};
    // "GET /" + x + " HTTP/1.1\r\n" has 16 bytes beside x; "X: " + x + "\r\n" has 5.
    auto target = [](std::size_t line) { return get("/" + std::string(line - 16, 'x')); };
    auto field = [](std::size_t line) { return get("/", "X: " + std::string(line - 5, 'x') + "\r\n"); };
    auto fields = [](std::size_t count) { return get("/", repeat("X: 1\r\n", count - 1)); };
    auto head = [](std::size_t bytes) { return get("/", repeat("X: " + std::string(55, 'x') + "\r\n", bytes / 60)); };
    for (const auto& [taken, refused, status] :
         {std::tuple{target(64), target(65), 414}, std::tuple{field(64), field(65), 431},
          std::tuple{fields(5), fields(6), 431}, std::tuple{head(180), head(240), 431}}) {
      Conversation talk(ctx, tell_target, options);
      EXPECT_EQ(talk.ask(taken).status, 200) << taken;
      EXPECT_EQ(talk.ask(refused).status, status) << refused;
    }
  });
}

TEST(H1Connection, RefusesAHeadThatNeverEndsWithoutKeepingIt) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    talk.say("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(1 << 20, 'x'));
    auto replies = talk.replies();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].status, 431);
    // What lingering does not take is left unread.
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(H1Connection, ReadsOnForAMomentSoThatARefusalIsHeard) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    talk.say("nonsense\r\n\r\n");
    EXPECT_EQ(talk.replies().size(), 1U);
    EXPECT_FALSE(talk.is_over());
    EXPECT_TRUE(talk.client().peer_has_gone());  // its direction has ended
    talk.say("more");
    talk.wait(3s);
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(H1Connection, TurnsAwayWithAReasonAndATime) {
  in_virtual_time([](Context& ctx) {
    auto [client, server] = net::memory_pair(kWideWire);
    RefusalList refusals;
    H1Service service{{}, tell_target, runtime_clock(), refusals, nullptr, ctx, ctx, [] {}};
    client->shutdown_write();
    H1Connection::turn_away(*server, service, Error(Code::kUnavailable).because("too-many-connections"));
    auto replies = parse_replies(take_arrived(*client));
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].status, 503);
    EXPECT_EQ(replies[0].headers.find("retry-after"), "1");
    EXPECT_TRUE(replies[0].closes);
  });
}

}  // namespace
}  // namespace sluice::http
