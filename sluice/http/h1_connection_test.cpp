// SPDX-License-Identifier: MIT
#include <sluice/http/h1_connection.hpp>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <sluice/http/h1_requests_test.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

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
