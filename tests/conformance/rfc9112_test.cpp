// SPDX-License-Identifier: MIT
//
// RFC 9112, HTTP/1.1: how messages are written, section by section. Where it leaves a recipient the choice between leniency
// and refusal, we refuse; the cases say so.
#include <string>

#include <gtest/gtest.h>

#include "connection_judge.hpp"

namespace sluice::http {
namespace {

// A head with these lines behind a request line and a Host.
#define GET_WITH(fields) "GET /a HTTP/1.1\r\nHost: h\r\n" fields "\r\n\r\n"
#define POST_WITH(fields) "POST /a HTTP/1.1\r\nHost: h\r\n" fields "\r\n\r\n"
#define CHUNKED POST_WITH("Transfer-Encoding: chunked")

// ---- 2: messages ----

TEST(Rfc9112_2_2_MessageParsing, LinesEndInCrLfAndNothingElse) {
  expect_verdicts({
      {"GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a | kept"},
      // "MAY recognize a single LF": we do not, for a proxy that does not would see another end.
      {"GET /a HTTP/1.1\nHost: h\r\n\r\n", "400 bare-lf | closed"},
      {"GET /a HTTP/1.1\r\nHost: h\n\r\n", "400 bare-lf | closed"},
      {"GET /a HTTP/1.1\r\nHost: h\r\n\n", "400 bare-lf | closed"},
      // "MUST NOT treat a bare CR as a line terminator": invalid, or replaced by a blank. We say invalid.
      {"GET /a\rHTTP/1.1\r\nHost: h\r\n\r\n", "400 bad-request-line | closed"},
      {GET_WITH("X: a\rHost: b"), "400 bare-cr | closed"},
      {GET_WITH("X: a\r\rY: b"), "400 bare-cr | closed"},
  });
}

TEST(Rfc9112_2_2_MessageParsing, OneEmptyLineBeforeARequestIsIgnored) {
  expect_verdicts({
      {"\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a | kept"},
      {GET_WITH("X: y") "\r\n" GET_WITH("X: y"), "GET /a | GET /a | kept"},
      {"\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "400 bad-request-line | closed"},
  });
}

TEST(Rfc9112_2_2_MessageParsing, BlanksBeforeTheFirstFieldAreRefused) {
  expect_verdicts({
      {"GET /a HTTP/1.1\r\n Host: h\r\n\r\n", "400 obs-fold | closed"},
      {"GET /a HTTP/1.1\r\n\tX: y\r\nHost: h\r\n\r\n", "400 obs-fold | closed"},
      {"GET /a HTTP/1.1\r\n \r\nHost: h\r\n\r\n", "400 obs-fold | closed"},
  });
}

TEST(Rfc9112_2_2_MessageParsing, WhatIsNotHttpIsRefused) {
  expect_verdicts({
      {"\x16\x03\x01\x02\r\n", "400 bad-request-line | closed"},
      {"SSH-2.0-client\r\n", "400 bad-request-line | closed"},
      {"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "505 version-not-supported | closed"},  // nearly HTTP/2's preface
      {"GET /a HTTP/1.1\r\nHost: h\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /a | 505 version-not-supported | closed"},
  });
}

TEST(Rfc9112_2_3_HttpVersion, IsCaseSensitiveAndOfMajorOne) {
  expect_verdicts({
      {"GET /a HTTP/1.0\r\n\r\n", "GET /a | closed"},
      {"GET /a HTTP/1.2\r\nHost: h\r\n\r\n", "GET /a | kept"},  // RFC 9110 §2.5: as the highest minor version we know
      {"GET /a HTTP/2.0\r\nHost: h\r\n\r\n", "505 version-not-supported | closed"},
      {"GET /a HTTP/0.9\r\nHost: h\r\n\r\n", "505 version-not-supported | closed"},
      {"GET /a http/1.1\r\nHost: h\r\n\r\n", "400 bad-version | closed"},
      {"GET /a HTTP/1.10\r\nHost: h\r\n\r\n", "400 bad-version | closed"},
      {"GET /a HTTP/ 1.1\r\nHost: h\r\n\r\n", "400 bad-version | closed"},
      {"GET /a HTTP/1\r\nHost: h\r\n\r\n", "400 bad-version | closed"},
      {"GET /a\r\n\r\n", "400 bad-request-line | closed"},  // HTTP/0.9's form
  });
}

// ---- 3: the request line ----

TEST(Rfc9112_3_RequestLine, HasTwoSingleBlanks) {
  expect_verdicts({
      {"GET  /a HTTP/1.1\r\nHost: h\r\n\r\n", "400 bad-target | closed"},
      {"GET /a  HTTP/1.1\r\nHost: h\r\n\r\n", "400 bad-target | closed"},
      {"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", "400 bad-target | closed"},
      {"GET\t/a HTTP/1.1\r\nHost: h\r\n\r\n", "400 bad-request-line | closed"},
      {" GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "400 bad-method | closed"},
      {"GET /a HTTP/1.1 \r\nHost: h\r\n\r\n", "400 bad-version | closed"},
  });
}

TEST(Rfc9112_3_RequestLine, OfEightThousandOctetsIsTakenAndOfMoreThanTheLimitIs414) {
  const std::string rest = " HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_EQ(judge("GET /" + std::string(8000 - 16, 'x') + rest).substr(0, 7), "GET /xx");
  EXPECT_EQ(judge("GET /" + std::string(8192, 'x') + rest), "414 request-line-too-long | closed");
}

TEST(Rfc9112_3_1_Method, IsAnyTokenAndCaseSensitive) {
  expect_verdicts({
      {"get /a HTTP/1.1\r\nHost: h\r\n\r\n", "get /a | kept"},
      {"M-SEARCH /a HTTP/1.1\r\nHost: h\r\n\r\n", "M-SEARCH /a | kept"},
      {"G@T /a HTTP/1.1\r\nHost: h\r\n\r\n", "400 bad-method | closed"},
  });
}

TEST(Rfc9112_3_2_RequestTarget, HasOneHostThatIsOne) {
  expect_verdicts({
      {"GET /a HTTP/1.1\r\n\r\n", "400 missing-host | closed"},
      {"GET /a HTTP/1.1\r\nX: y\r\n\r\n", "400 missing-host | closed"},
      {"GET /a HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", "400 duplicate-host | closed"},
      {"GET /a HTTP/1.1\r\nHost: h, i\r\n\r\n", "400 bad-host | closed"},
      {"GET /a HTTP/1.1\r\nHost: h/i\r\n\r\n", "400 bad-host | closed"},
      {"GET /a HTTP/1.1\r\nHost: u@h\r\n\r\n", "400 bad-host | closed"},
      {"GET /a HTTP/1.1\r\nHost:\r\n\r\n", "GET /a | kept"},  // what a target without an authority comes with
      {"GET /a HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n", "GET /a | kept"},
  });
}

TEST(Rfc9112_3_2_RequestTarget, IsOfOneOfTheFormsForAServer) {
  expect_verdicts({
      {"GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a?b | kept"},                                  // 3.2.1
      {"GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n", "GET http://h/a | kept"},                      // 3.2.2: MUST accept
      {"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", "400 bad-target | closed"},                 // 3.2.3: no proxy
      {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * | kept"},                                // 3.2.4
      {"GET * HTTP/1.1\r\nHost: h\r\n\r\n", "400 bad-target | closed"},
      {"GET a HTTP/1.1\r\nHost: h\r\n\r\n", "400 bad-target | closed"},
      {"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", "400 bad-target | closed"},
  });
}

// ---- 5: fields ----

TEST(Rfc9112_5_1_FieldLineParsing, LeavesNoBlankBeforeTheColon) {
  expect_verdicts({
      {GET_WITH("X : y"), "400 space-before-colon | closed"},
      {GET_WITH("X\t: y"), "400 space-before-colon | closed"},
      {GET_WITH("X y: z"), "400 bad-header | closed"},
      {GET_WITH("X"), "400 bad-header | closed"},
      {GET_WITH(": y"), "400 bad-header | closed"},
      {GET_WITH("X:y"), "GET /a | kept"},
      {GET_WITH("X: \t y \t"), "GET /a | kept"},
      {GET_WITH("X:"), "GET /a | kept"},
  });
}

TEST(Rfc9112_5_2_ObsoleteLineFolding, IsRefused) {
  expect_verdicts({
      {GET_WITH("X: y\r\n z"), "400 obs-fold | closed"},
      {GET_WITH("X: y\r\n\tz"), "400 obs-fold | closed"},
      {GET_WITH("X: y\r\n \r\nZ: z"), "400 obs-fold | closed"},
  });
}

TEST(Rfc9112_5_FieldSyntax, BeyondItsLimitsIs431) {
  EXPECT_EQ(judge(GET_WITH("X: y") + get("/b", "X: " + std::string(9000, 'y') + "\r\n")),
            "GET /a | 431 header-too-long | closed");
  EXPECT_EQ(judge(get("/a", repeat("X: y\r\n", 100))), "431 too-many-headers | closed");
  EXPECT_EQ(judge(get("/a", repeat("X: " + std::string(4000, 'y') + "\r\n", 9))), "431 headers-too-large | closed");
}

// ---- 6: bodies ----

TEST(Rfc9112_6_1_TransferEncoding, IsChunkedAloneAndNotInHttp10) {
  expect_verdicts({
      {POST_WITH("Transfer-Encoding: CHUNKED") "0\r\n\r\n", "POST /a | kept"},
      {POST_WITH("Transfer-Encoding: gzip, chunked"), "501 transfer-coding-unknown | closed"},
      {POST_WITH("Transfer-Encoding: chunked, chunked"), "501 transfer-coding-unknown | closed"},
      {POST_WITH("Transfer-Encoding: chunked, gzip"), "400 bad-transfer-encoding | closed"},
      {POST_WITH("Transfer-Encoding: gzip"), "400 bad-transfer-encoding | closed"},
      {POST_WITH("Transfer-Encoding:"), "400 bad-transfer-encoding | closed"},
      {"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 bad-transfer-encoding | closed"},
  });
}

TEST(Rfc9112_6_2_ContentLength, IsDigitsOnce) {
  expect_verdicts({
      {POST_WITH("Content-Length: 0"), "POST /a | kept"},
      {POST_WITH("Content-Length: 003") "abc", "POST /a 'abc' | kept"},
      {POST_WITH("Content-Length: +3") "abc", "400 bad-content-length | closed"},
      {POST_WITH("Content-Length: -3") "abc", "400 bad-content-length | closed"},
      {POST_WITH("Content-Length: 3.0") "abc", "400 bad-content-length | closed"},
      {POST_WITH("Content-Length: 0x3") "abc", "400 bad-content-length | closed"},
      {POST_WITH("Content-Length:") "abc", "400 bad-content-length | closed"},
      {POST_WITH("Content-Length: 3 3") "abc", "400 bad-content-length | closed"},
      {POST_WITH("Content-Length: 18446744073709551616") "abc", "400 bad-content-length | closed"},
      {POST_WITH("Content-Length: 18446744073709551615") "abc", "413 too-large | closed"},
  });
}

TEST(Rfc9112_6_3_MessageBodyLength, BothLengthsAreRefused) {
  expect_verdicts({
      {POST_WITH("Content-Length: 5\r\nTransfer-Encoding: chunked") "0\r\n\r\n", "400 length-and-coding | closed"},
      {POST_WITH("Transfer-Encoding: chunked\r\nContent-Length: 5") "0\r\n\r\n", "400 length-and-coding | closed"},
      {POST_WITH("Transfer-Encoding: identity\r\nContent-Length: 3") "abc", "400 length-and-coding | closed"},
  });
}

TEST(Rfc9112_6_3_MessageBodyLength, TwoLengthsAreRefusedEvenIfEqual) {
  expect_verdicts({
      {POST_WITH("Content-Length: 3\r\nContent-Length: 4") "abcd", "400 duplicate-content-length | closed"},
      {POST_WITH("Content-Length: 3\r\nContent-Length: 3") "abc", "400 duplicate-content-length | closed"},
      {POST_WITH("Content-Length: 3, 3") "abc", "400 bad-content-length | closed"},
  });
}

TEST(Rfc9112_6_3_MessageBodyLength, WithoutALengthThereIsNoBody) {
  expect_verdicts({
      {"POST /a HTTP/1.1\r\nHost: h\r\n\r\n" GET_WITH("X: y"), "POST /a | GET /a | kept"},
      {GET_WITH("Content-Length: 3") "abc" GET_WITH("X: y"), "GET /a 'abc' | GET /a | kept"},  // any method may have one
      {POST_WITH("Content-Length: 3") "ab", "waits"},
  });
}

TEST(Rfc9112_8_IncompleteMessages, AreRefusedWhenTheClientEndsThem) {
  in_virtual_time([](Context& ctx) {
    for (const char* bytes : {POST_WITH("Content-Length: 3") "ab", CHUNKED "3\r\nabc\r\n", CHUNKED "0\r\n"}) {
      Conversation talk(ctx, echo);
      talk.say(bytes);
      talk.end_input();
      auto replies = talk.replies();
      ASSERT_EQ(replies.size(), 1U) << bytes;
      EXPECT_EQ(replies[0].status, 400) << bytes;
      EXPECT_EQ(problem_code(replies[0]), "truncated-body") << bytes;
      EXPECT_TRUE(talk.is_over());
    }
    Conversation half(ctx, echo);
    half.say("GET /a HTTP/1.1\r\nHo");
    half.end_input();
    EXPECT_EQ(half.hear(), "");  // nobody knows yet that it would be a request
    EXPECT_TRUE(half.is_over());
  });
}

// ---- 7: chunks ----

TEST(Rfc9112_7_1_ChunkedCoding, IsDecoded) {
  expect_verdicts({
      {CHUNKED "3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n", "POST /a 'abc0123456789' | kept"},
      {CHUNKED "0\r\n\r\n" GET_WITH("X: y"), "POST /a | GET /a | kept"},
      {CHUNKED "2\r\n\r\n\r\n0\r\n\r\n", "POST /a '\r\n' | kept"},
  });
}

TEST(Rfc9112_7_1_ChunkedCoding, HasSizesOfHexadecimalDigitsThatDoNotOverflow) {
  expect_verdicts({
      {CHUNKED "\r\nabc\r\n0\r\n\r\n", "400 bad-chunk-size | closed"},
      {CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", "400 bad-chunk-size | closed"},
      {CHUNKED "-3\r\nabc\r\n0\r\n\r\n", "400 bad-chunk-size | closed"},
      {CHUNKED " 3\r\nabc\r\n0\r\n\r\n", "400 bad-chunk-size | closed"},
      {CHUNKED "3 \r\nabc\r\n0\r\n\r\n", "400 bad-chunk-size | closed"},
      {CHUNKED "10000000000000003\r\nabc\r\n0\r\n\r\n", "400 bad-chunk-size | closed"},
      {CHUNKED "ffffffffffffffff\r\nabc\r\n0\r\n\r\n", "413 too-large | closed"},
  });
}

TEST(Rfc9112_7_1_ChunkedCoding, EndsEachLineInCrLf) {
  expect_verdicts({
      {CHUNKED "3\nabc\r\n0\r\n\r\n", "400 bare-lf | closed"},
      {CHUNKED "3\r\nabc\n0\r\n\r\n", "400 bad-chunk-end | closed"},
      {CHUNKED "3\r\nabcd\r\n0\r\n\r\n", "400 bad-chunk-end | closed"},
      {CHUNKED "3\r\nabc\r\n0\n\n", "400 bare-lf | closed"},
      {CHUNKED "3\r\nabc\r\n0\r\n\n", "400 bare-lf | closed"},
  });
}

TEST(Rfc9112_7_1_1_ChunkExtensions, AreReadAndIgnoredWithinALimit) {
  expect_verdicts({
      {CHUNKED "3;a\r\nabc\r\n0;b=c;d=\"\\\"\"\r\n\r\n", "POST /a 'abc' | kept"},
      {CHUNKED "3;\r\nabc\r\n0\r\n\r\n", "400 bad-chunk-extension | closed"},
      {CHUNKED "3;a\rb\r\nabc\r\n0\r\n\r\n", "400 bad-chunk-extension | closed"},
      {CHUNKED "3;a=\"b\r\nabc\r\n0\r\n\r\n", "400 bad-chunk-extension | closed"},
  });
  EXPECT_EQ(judge(CHUNKED "3;" + std::string(300, 'x') + "\r\nabc\r\n0\r\n\r\n"), "400 chunk-line-too-long | closed");
  EXPECT_EQ(judge(CHUNKED + repeat("1;" + std::string(200, 'x') + "\r\na\r\n", 30) + "0\r\n\r\n"),
            "400 chunk-extensions-too-large | closed");
}

TEST(Rfc9112_7_1_2_TrailerSection, IsCheckedAndDropped) {
  expect_verdicts({
      {CHUNKED "3\r\nabc\r\n0\r\nSum: 1\r\nEmpty:\r\n\r\n", "POST /a 'abc' | kept"},
      {CHUNKED "0\r\nSum\r\n\r\n", "400 bad-header | closed"},
      {CHUNKED "0\r\nSum : 1\r\n\r\n", "400 space-before-colon | closed"},
      {CHUNKED "0\r\nSum: 1\r\n 2\r\n\r\n", "400 obs-fold | closed"},
      {CHUNKED "0\r\nSum: 1\n\r\n", "400 bare-lf | closed"},
  });
}

// ---- 9: connections ----

TEST(Rfc9112_9_3_Persistence, IsDecidedByVersionAndConnection) {
  expect_verdicts({
      {GET_WITH("Connection: close"), "GET /a | closed"},
      {GET_WITH("Connection: x, CLOSE"), "GET /a | closed"},
      {GET_WITH("Connection: keep-alive, close"), "GET /a | closed"},
      {GET_WITH("Connection: keep-alive"), "GET /a | kept"},
      {GET_WITH("Connection: x\r\nConnection: close"), "GET /a | closed"},
      {"GET /a HTTP/1.0\r\nHost: h\r\n\r\n", "GET /a | closed"},
      {"GET /a HTTP/1.0\r\nHost: h\r\nConnection: Keep-Alive\r\n\r\n", "GET /a | kept"},
      {GET_WITH("Connection: close, :"), "400 bad-connection | closed"},
  });
}

TEST(Rfc9112_9_3_2_Pipelining, IsAnsweredInOrderUpToTheFirstRefusal) {
  expect_verdicts({
      {GET_WITH("X: 1") POST_WITH("Content-Length: 1") "b" CHUNKED "1\r\nc\r\n0\r\n\r\n" GET_WITH("X: 4"),
       "GET /a | POST /a 'b' | POST /a 'c' | GET /a | kept"},
      {GET_WITH("X: 1") "nonsense\r\n\r\n" GET_WITH("X: 3"), "GET /a | 400 bad-request-line | closed"},
  });
}

TEST(Rfc9112_9_6_TearDown, AnswersNothingBehindTheLastRequest) {
  expect_verdicts({
      {GET_WITH("Connection: close") GET_WITH("X: y"), "GET /a | closed"},
      {"GET /a HTTP/1.0\r\n\r\n" GET_WITH("X: y"), "GET /a | closed"},
  });
}

}  // namespace
}  // namespace sluice::http
