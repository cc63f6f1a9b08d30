// SPDX-License-Identifier: MIT
#include <sluice/http/h1_connection.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <random>
#include <stdexcept>
#include <string>

#include <malloc.h>

#include <gtest/gtest.h>

#include <sluice/http/http_test.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBodyMax = 1 << 20;

// Answers with the request's target, without touching its body.
Response tell_target(Context&, const Request& request) { return Response::text(std::string(request.target())); }

// Answers with the request's body, or says why there is none.
Response echo(Context& ctx, Request& request) {
  if (auto read = request.read_body(ctx, kBodyMax); !read) return to_response(std::move(read).error());
  return Response::text(std::string(request.body()));
}

std::string get(std::string_view target, std::string_view more = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + std::string(more) + "\r\n";
}

std::string post(std::string_view body, std::string_view more = "") {
  return "POST / HTTP/1.1\r\nHost: h\r\n" + std::string(more) + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

std::string repeat(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all.append(text);
  return all;
}

// ---- keep-alive, pipelining, reads and writes ----

TEST(H1Connection, AnswersARequestWithOneReadAndOneWrite) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    talk.say(get("/a"));
    EXPECT_EQ(talk.hear(),
              "HTTP/1.1 200 OK\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\nContent-Type: text/plain; charset=utf-8\r\n"
              "Content-Length: 2\r\n\r\n/a");
    EXPECT_EQ(talk.reads_so_far(), 1);
    EXPECT_EQ(talk.writes_so_far(), 1);
  });
}

TEST(H1Connection, GoesOnAfterAReply) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    for (const char* target : {"/a", "/b", "/c"}) EXPECT_EQ(talk.ask(get(target)).body, target);
    EXPECT_FALSE(talk.is_over());
  });
}

TEST(H1Connection, AnswersPipelinedRequestsInOrderWithOneWrite) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    std::string requests;
    for (int i = 0; i < 50; ++i) requests.append(get("/" + std::to_string(i)));
    talk.say(requests);
    auto replies = talk.replies();
    ASSERT_EQ(replies.size(), 50U);
    for (std::size_t i = 0; i < replies.size(); ++i) EXPECT_EQ(replies[i].body, "/" + std::to_string(i));
    EXPECT_EQ(talk.writes_so_far(), 1);
  });
}

TEST(H1Connection, SendsEarlierRepliesWhenTheNextRequestIsNotComplete) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    EXPECT_EQ(talk.ask(get("/a") + "GET /b HTTP/1.1\r\nHo").body, "/a");
    EXPECT_EQ(talk.ask("st: h\r\n\r\n").body, "/b");
  });
}

TEST(H1Connection, UnderstandsTheSameHoweverTheBytesAreSplit) {
  in_virtual_time([](Context& ctx) {
    const std::string said = get("/a") + post("12345") + "\r\n" + get("/b", "X: " + std::string(5000, 'x') + "\r\n") +
                             "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" +
                             "5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nT: 1\r\n\r\n" + post(std::string(9000, 'y')) + get("/c");
    Conversation whole(ctx, echo);
    whole.say(said);
    const std::string expected = whole.hear();
    ASSERT_EQ(parse_replies(expected).size(), 6U);
    std::mt19937_64 random(test_seed());
    for (std::size_t longest : {1U, 2U, 17U, 4096U}) {
      Conversation talk(ctx, echo);
      std::string heard;
      for (std::string_view rest = said; !rest.empty();) {
        std::size_t count = std::min<std::size_t>(1 + random() % longest, rest.size());
        talk.say(rest.substr(0, count));
        rest.remove_prefix(count);
        if (longest > 1 || rest.size() % 64 == 0) heard.append(talk.hear());
      }
      heard.append(talk.hear());
      EXPECT_EQ(heard, expected) << "in pieces of at most " << longest;
    }
  });
}

TEST(H1Connection, ClosesWhenTheRequestSaysSo) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    EXPECT_TRUE(talk.ask(get("/a", "Connection: close\r\n")).closes);
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(H1Connection, DoesNotAnswerWhatFollowsTheLastRequest) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    talk.say(get("/a", "Connection: close\r\n") + get("/b"));
    EXPECT_EQ(talk.replies().size(), 1U);
    talk.end_input();
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(H1Connection, KeepsAnHttp10ConnectionOnlyIfAsked) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    Reply kept = talk.ask("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(kept.headers.find("connection"), "keep-alive");
    EXPECT_EQ(talk.ask("GET /b HTTP/1.0\r\n\r\n").headers.find("connection"), "close");
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(H1Connection, AnswersHeadWithTheLengthAndWithoutTheBody) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    talk.say(repeat("HEAD /four HTTP/1.1\r\nHost: h\r\n\r\n", 2));
    auto replies = talk.replies("HEAD");
    ASSERT_EQ(replies.size(), 2U);
    EXPECT_EQ(replies[0].headers.find("content-length"), "5");
    EXPECT_EQ(replies[0].body, "");
  });
}

TEST(H1Connection, SendsNoBodyWhereTheStatusForbidsOne) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, [](Context&, const Request&) {
      Response response = Response::text("never seen", status::kNoContent);
      return response;
    });
    talk.say(repeat(get("/"), 2));
    auto replies = talk.replies();
    ASSERT_EQ(replies.size(), 2U);
    EXPECT_EQ(replies[0].headers.find("content-length"), std::nullopt);
  });
}

TEST(H1Connection, DatesEachReplyByTheClock) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    EXPECT_EQ(talk.ask(get("/")).headers.find("date"), "Tue, 14 Nov 2023 22:13:20 GMT");
    talk.wait(61s);
    EXPECT_EQ(talk.ask(get("/")).headers.find("date"), "Tue, 14 Nov 2023 22:14:21 GMT");
  });
}

TEST(H1Connection, LetsNoValueOfTheClientForgeAHeader) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, [](Context&, const Request& request) {
      Response response = Response::empty();
      response.headers.add("X-Name", request.query_value("name").value_or(""));
      return response;
    });
    Reply reply = talk.ask(get("/?name=a%0d%0aSet-Cookie:%20x%0d%0a%0d%0aHTTP/1.1%20200%20OK"));
    EXPECT_EQ(reply.headers.find("set-cookie"), std::nullopt);
    EXPECT_EQ(reply.headers.find("x-name"), "a  Set-Cookie: x    HTTP/1.1 200 OK");
  });
}

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

// ---- refusals ----

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
    const H1Options options;
    const Handler handler = tell_target;
    client->shutdown_write();
    H1Connection(*server, options, handler, runtime_clock(), refusals)
        .turn_away(ctx, Error(Code::kUnavailable).because("too-many-connections"));
    auto replies = parse_replies(take_arrived(*client));
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].status, 503);
    EXPECT_EQ(replies[0].headers.find("retry-after"), "1");
    EXPECT_TRUE(replies[0].closes);
  });
}

// ---- time ----

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

// ---- streamed replies ----

Handler streaming(int pieces, Result<void> end = {}) {
  return [pieces, end](Context&, const Request&) {
    return Response::streamed("text/plain", [pieces, end](Context& ctx, BodyWriter& out) -> Result<void> {
      for (int i = 0; i < pieces; ++i) SLUICE_TRY(out.write(ctx, "piece " + std::to_string(i) + "\n"));
      return end;
    });
  };
}

TEST(H1Connection, StreamsInChunksAndGoesOn) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, streaming(3));
    Reply reply = talk.ask(get("/"));
    EXPECT_EQ(reply.headers.find("transfer-encoding"), "chunked");
    EXPECT_EQ(reply.headers.find("content-length"), std::nullopt);
    EXPECT_EQ(reply.body, "piece 0\npiece 1\npiece 2\n");
    EXPECT_EQ(talk.ask(get("/")).body, reply.body);
  });
}

TEST(H1Connection, StreamsALargePieceInParts) {
  in_virtual_time([](Context& ctx) {
    const std::string large(H1Connection::kOutputBytes + 1, 'x');
    Conversation talk(ctx, [&](Context&, const Request&) {
      return Response::streamed("text/plain", [&](Context& own, BodyWriter& out) { return out.write(own, large); });
    });
    talk.say(get("/"));
    std::string heard = talk.hear();
    EXPECT_TRUE(heard.contains("\r\n\r\n10000\r\nxxx") && heard.ends_with("\r\n1\r\nx\r\n0\r\n\r\n"));
    EXPECT_EQ(parse_replies(heard).at(0).body, large);
  });
}

TEST(H1Connection, StreamsToHttp10UntilItCloses) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, streaming(2));
    talk.say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    std::string heard = talk.hear();
    EXPECT_TRUE(heard.contains("Connection: close\r\n"));
    EXPECT_TRUE(heard.ends_with("\r\n\r\npiece 0\npiece 1\n")) << heard;
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(H1Connection, BreaksOffAStreamThatFailsSoThatNobodyTakesItForWhole) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, streaming(1, fail(Code::kInternal)));
    talk.say(get("/") + get("/"));
    std::string heard = talk.hear();
    EXPECT_TRUE(heard.ends_with("piece 0\n\r\n")) << heard;
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(H1Connection, OutlivesAStreamThatThrows) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, [](Context&, const Request&) {
      return Response::streamed("text/plain", [](Context&, BodyWriter&) -> Result<void> {
        throw std::runtime_error("a user's mistake");
      });
    });
    talk.say(get("/"));
    EXPECT_FALSE(talk.hear().contains("0\r\n\r\n"));
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(H1Connection, TellsAStreamThatItsClientHasGone) {
  in_virtual_time([](Context& ctx) {
    Error seen(Code::kUnknown);
    Conversation talk(ctx, [&](Context&, const Request&) {
      return Response::streamed("text/plain", [&](Context& own, BodyWriter& out) -> Result<void> {
        for (;;) {
          auto written = out.write(own, std::string(1000, 'x'));
          if (!written) seen = written.error();
          SLUICE_TRY(written);
          SLUICE_TRY(sleep(own, 1s));
        }
      });
    });
    talk.say(get("/"));
    talk.wait(3s);
    talk.hang_up();
    talk.wait(2s);
    EXPECT_EQ(seen.reason(), "client-gone");
    EXPECT_TRUE(talk.is_over());
  });
}

// ---- ends ----

TEST(H1Connection, AnswersAClientThatHasEndedItsDirection) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    talk.say(get("/a") + get("/b"));
    talk.end_input();
    EXPECT_EQ(talk.replies().size(), 2U);
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(H1Connection, ForgetsHalfARequestWhoseClientHasGone) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    talk.say("GET / HT");
    let_all_park(ctx);
    talk.hang_up();
    EXPECT_TRUE(talk.is_over());
    EXPECT_EQ(talk.writes_so_far(), 0);
  });
}

TEST(H1Connection, ClosesAtOnceWhenItIdlesAndTheServerStops) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, tell_target);
    talk.ask(get("/"));
    talk.stop_accepting();
    EXPECT_TRUE(talk.is_over());
  });
}

TEST(H1Connection, FinishesTheRequestUnderWayWhenTheServerStops) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, [](Context& own, const Request&) -> Result<Response> {
      SLUICE_TRY(sleep(own, 5s));
      return Response::text("done");
    });
    talk.say(get("/a") + get("/b"));
    talk.wait(1s);
    talk.stop_accepting();
    talk.wait(5s);
    auto replies = talk.replies();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].body, "done");
    EXPECT_TRUE(replies[0].closes);
  });
}

TEST(H1Connection, CutsARequestShortWhenItsContextEnds) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, [](Context& own, const Request&) { return sleep(own, 1h); });
    talk.say(get("/"));
    talk.wait(1s);
    talk.stop_accepting();
    talk.cancel_requests(Error(Code::kUnavailable).because("stopping"));
    auto replies = talk.replies();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].status, 503);
    EXPECT_TRUE(talk.is_over());
  });
}

}  // namespace
}  // namespace sluice::http
