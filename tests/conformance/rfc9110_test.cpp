// SPDX-License-Identifier: MIT
//
// RFC 9110, what requests and replies mean, as far as a server decides it: methods, HEAD, Expect, Content-Encoding, the
// fields that every reply has. Not here because not in the tree: conditional and range requests (§13, §14),
// authentication (§11), content negotiation (§12), Upgrade (§7.8, which is ignored, as a server may).
#include <chrono>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include <sluice/http/middleware/gunzip.hpp>
#include <sluice/http/middleware/max_body.hpp>
#include <sluice/http/router.hpp>

#include "connection_judge.hpp"

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

#define GET_WITH(fields) "GET /a HTTP/1.1\r\nHost: h\r\n" fields "\r\n\r\n"
#define POST_WITH(fields) "POST /a HTTP/1.1\r\nHost: h\r\n" fields "\r\n\r\n"

// A connection to a router with GET and DELETE on /a.
void with_routes(const std::function<void(Conversation&)>& test) {
  in_virtual_time([&](Context& ctx) {
    Router router;
    for (const char* method : {"GET", "DELETE"})
      ASSERT_TRUE(router.add(method, "/a", [](Context&, const Request&) { return Response::text("hello"); }));
    Conversation talk(ctx, std::ref(router));
    test(talk);
  });
}

// ---- 5, 6: fields ----

TEST(Rfc9110_5_1_FieldNames, AreCaseInsensitive) {
  expect_verdicts({
      {"POST /a HTTP/1.1\r\nhOST: h\r\ncontent-LENGTH: 3\r\n\r\nabc", "POST /a 'abc' | kept"},
      {"POST /a HTTP/1.1\r\nHOST: h\r\nTRANSFER-ENCODING: chunked\r\n\r\n0\r\n\r\n", "POST /a | kept"},
  });
}

TEST(Rfc9110_5_5_FieldValues, HaveNoControlCharactersButTab) {
  expect_verdicts({
      {{GET_WITH("X: a\0b"), sizeof(GET_WITH("X: a\0b")) - 1}, "400 bad-header-value | closed"},
      {GET_WITH("X: a\x01"), "400 bad-header-value | closed"},
      {GET_WITH("X: a\x7F"), "400 bad-header-value | closed"},
      {GET_WITH("X: a\tb"), "GET /a | kept"},
      {GET_WITH("X: \xC3\xA9\xFF"), "GET /a | kept"},  // obs-text
  });
}

TEST(Rfc9110_5_6_1_Lists, MayHaveEmptyItems) {
  expect_verdicts({
      {GET_WITH("Connection: , ,close,"), "GET /a | closed"},
      {POST_WITH("Transfer-Encoding: , chunked ,") "0\r\n\r\n", "POST /a | kept"},
  });
}

TEST(Rfc9110_6_5_1_Trailers, DoNotFrameOrRouteAMessage) {
  for (const char* name : {"Content-Length", "Transfer-Encoding", "Host", "Connection"}) {
    std::string bytes = POST_WITH("Transfer-Encoding: chunked") "0\r\n" + std::string(name) + ": 5\r\n\r\n";
    EXPECT_EQ(judge(bytes), "400 bad-trailer | closed") << name;
  }
}

TEST(Rfc9110_6_6_1_Date, IsInEveryReplyThatIsFinal) {
  in_virtual_time([](Context& ctx) {
    for (const char* bytes : {GET_WITH("X: y"), "nonsense\r\n\r\n"}) {
      Conversation talk(ctx, tell_target);
      EXPECT_EQ(talk.ask(bytes).headers.find("date"), "Tue, 14 Nov 2023 22:13:20 GMT") << bytes;
    }
  });
}

// ---- 8: representations ----

TEST(Rfc9110_8_4_ContentEncoding, IsGzipOrNone) {
  in_virtual_time([](Context& ctx) {
    Handler handler = middleware::max_body(1000)(middleware::gunzip(1000)(echo));
    Conversation talk(ctx, handler);
    EXPECT_EQ(talk.ask(post("abc")).body, "abc");
    EXPECT_EQ(talk.ask(post("abc", "Content-Encoding: identity\r\n")).body, "abc");
    for (const char* coding : {"br", "deflate", "gzip, gzip"}) {
      Reply reply = talk.ask(post("abc", "Content-Encoding: " + std::string(coding) + "\r\n"));
      EXPECT_EQ(reply.status, 415) << coding;  // 15.5.16
      EXPECT_FALSE(reply.closes);
    }
    EXPECT_EQ(talk.ask(post("not gzip", "Content-Encoding: x-gzip\r\n")).status, 400);
  });
}

TEST(Rfc9110_8_6_ContentLength, IsNotSentWhereThereIsNoBodyByItsStatus) {
  in_virtual_time([](Context& ctx) {
    for (int status : {status::kNoContent, status::kNotModified}) {
      Conversation talk(ctx, [status](Context&, const Request&) { return Response::text("never seen", status); });
      for (int twice = 0; twice < 2; ++twice) {
        Reply reply = talk.ask(GET_WITH("X: y"));
        EXPECT_EQ(reply.status, status);
        EXPECT_EQ(reply.headers.find("content-length"), std::nullopt);
        EXPECT_EQ(reply.headers.find("transfer-encoding"), std::nullopt);
      }
    }
  });
}

// ---- 9: methods ----

TEST(Rfc9110_9_1_Methods, NotAllowedIs405WithTheAllowedOnes) {
  with_routes([](Conversation& talk) {
    for (const char* method : {"PUT", "BREW", "get"}) {
      Reply reply = talk.ask(std::string(method) + " /a HTTP/1.1\r\nHost: h\r\n\r\n");
      EXPECT_EQ(reply.status, 405) << method;
      EXPECT_EQ(reply.headers.find("allow"), "DELETE, GET, HEAD") << method;  // 10.2.1, 15.5.6
      EXPECT_FALSE(reply.closes) << method;
    }
    EXPECT_EQ(talk.ask("PUT /b HTTP/1.1\r\nHost: h\r\n\r\n").status, 404);
  });
}

TEST(Rfc9110_9_3_2_Head, HasTheFieldsOfGetAndNoBody) {
  with_routes([](Conversation& talk) {
    Reply got = talk.ask(GET_WITH("X: y"));
    talk.say("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
    auto replies = talk.replies("HEAD");
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].headers.text(), got.headers.text());
    EXPECT_EQ(got.headers.find("content-length"), "5");
    EXPECT_FALSE(replies[0].closes);
  });
}

TEST(Rfc9110_9_3_2_Head, OfAnErrorHasNoBodyEither) {
  with_routes([](Conversation& talk) {
    talk.say(repeat("HEAD /nowhere HTTP/1.1\r\nHost: h\r\n\r\n", 2));
    EXPECT_EQ(talk.replies("HEAD").size(), 2U);
  });
}

// ---- 10: Expect ----

TEST(Rfc9110_10_1_1_Expect, IsAnsweredWhenTheBodyIsWanted) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, echo);
    talk.say(POST_WITH("Expect: 100-continue\r\nContent-Length: 3"));
    EXPECT_EQ(talk.hear(), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(talk.ask("abc").body, "abc");
    talk.say(POST_WITH("Expect: 100-Continue\r\nTransfer-Encoding: chunked"));
    EXPECT_EQ(talk.hear(), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(talk.ask("1\r\nx\r\n0\r\n\r\n").body, "x");
  });
}

TEST(Rfc9110_10_1_1_Expect, IsNotAnsweredWhereNobodyWaits) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, echo);
    // No body; one that is there; a client of HTTP/1.0, which would take it for the reply.
    EXPECT_EQ(talk.ask(GET_WITH("Expect: 100-continue")).status, 200);
    EXPECT_EQ(talk.ask(post("abc", "Expect: 100-continue\r\n")).body, "abc");
    talk.say("POST /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    EXPECT_EQ(talk.hear(), "");
    EXPECT_EQ(talk.ask("abc").body, "abc");
  });
}

TEST(Rfc9110_10_1_1_Expect, OfAnythingElseIs417) {
  expect_verdicts({
      {POST_WITH("Expect: 200-ok\r\nContent-Length: 3") "abc", "417 expectation-unknown | closed"},
      {POST_WITH("Expect: 100-continue, x\r\nContent-Length: 3") "abc", "417 expectation-unknown | closed"},
  });
}

TEST(Rfc9110_10_1_1_Expect, OfARefusedRequestIsAnsweredByTheRefusalAlone) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, middleware::max_body(10)(echo));
    Reply reply = talk.ask(POST_WITH("Expect: 100-continue\r\nContent-Length: 11"));
    EXPECT_EQ(reply.status, 413);
    EXPECT_TRUE(reply.closes);  // the body may come or not
  });
}

// ---- 15: statuses ----

TEST(Rfc9110_15_5_9_RequestTimeout, EndsTheConnection) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, echo, {.head_time = 10s});
    talk.say("GET /a HTTP/1.1\r\n");
    talk.wait(11s);
    auto replies = talk.replies();
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].status, 408);
    EXPECT_EQ(replies[0].headers.find("connection"), "close");
  });
}

TEST(Rfc9110_15_6_4_ServiceUnavailable, SaysWhenToComeAgain) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, [](Context&, const Request&) { return Error(Code::kUnavailable); });
    Reply reply = talk.ask(GET_WITH("X: y"));
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.headers.find("retry-after"), "1");
  });
}

}  // namespace
}  // namespace sluice::http
