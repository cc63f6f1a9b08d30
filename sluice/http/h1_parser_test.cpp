// SPDX-License-Identifier: MIT
#include <sluice/http/h1_parser.hpp>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

// All that a parser makes of some bytes, in a form that two runs can be compared by.
struct Verdict {
  std::string reason;  // empty: not refused
  std::string field;
  bool done = false;
  std::size_t consumed = 0;
  std::string message;

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

std::ostream& operator<<(std::ostream& out, const Verdict& verdict) {
  return out << (verdict.reason.empty() ? "taken" : verdict.reason) << " at '" << verdict.field << "', done "
             << verdict.done << ", " << verdict.consumed << " bytes: " << verdict.message;
}

std::string describe(const H1Framing& framing) {
  return " framing " + std::to_string(static_cast<int>(framing.kind)) + "/" + std::to_string(framing.length);
}

std::string describe(const H1RequestParser& parser, const Request& request) {
  std::string text(request.method());
  text.append(" ").append(request.target()).append(request.version() == Version::kHttp11 ? " 1.1 " : " 1.0 ");
  return text.append(request.headers().text()) + describe(parser.framing()) + (parser.keeps_alive() ? " stays" : "") +
         (parser.expects_continue() ? " waits" : "");
}

std::string describe(const H1ResponseParser& parser, const Response& response) {
  return std::to_string(response.status) + " " + std::string(response.headers.text()) + describe(parser.framing()) +
         (parser.keeps_alive() ? " stays" : "");
}

// Feeds the bytes in pieces that end at `cuts`, keeping what was not consumed, as a connection does.
template <class Parser, class Message>
Verdict feed(Parser parser, Message message, std::string_view bytes, const std::vector<std::size_t>& cuts) {
  Verdict verdict;
  for (std::size_t cut : cuts) {
    auto step = parser.parse(bytes.substr(verdict.consumed, cut - verdict.consumed), message);
    if (!step) return {std::string(step.error().reason()), std::string(step.error().field()), false, 0, ""};
    verdict.consumed += step->consumed;
    verdict.done = step->done;
    if (step->done) break;
  }
  if (verdict.done) verdict.message = describe(parser, message);
  return verdict;
}

// The verdict on the bytes in one piece; fails if any split of them, or a byte at a time, leads to another.
template <class Message, class Parser>
Verdict judge(const Parser& parser, std::string_view bytes) {
  Verdict whole = feed(parser, Message(), bytes, {bytes.size()});
  std::vector<std::size_t> each;
  for (std::size_t cut = 1; cut <= bytes.size(); ++cut) {
    each.push_back(cut);
    EXPECT_EQ(feed(parser, Message(), bytes, {cut, bytes.size()}), whole) << "split at " << cut;
  }
  EXPECT_EQ(feed(parser, Message(), bytes, each), whole) << "a byte at a time";
  return whole;
}

Verdict judge_request(std::string_view bytes, const H1Limits& limits = {}) {
  return judge<Request>(H1RequestParser(limits), bytes);
}

Verdict judge_response(std::string_view bytes, bool answers_head = false) {
  return judge<Response>(H1ResponseParser({}, answers_head), bytes);
}

struct Case {
  std::string_view bytes;
  std::string_view result;  // the message, or the reason and the field
};

// ---- requests that are taken ----

TEST(RequestParser, TakesRequestsAsTheyShouldBe) {
  for (const Case& each : {
           Case{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 Host: a\r\n framing 0/0 stays"},
           Case{"GET /a?b=c%20d HTTP/1.1\r\nhost:a:80\r\nX:  y\t \r\nEmpty:\r\n\r\n",
                "GET /a?b=c%20d 1.1 host: a:80\r\nX: y\r\nEmpty: \r\n framing 0/0 stays"},
           Case{"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 Host: a\r\n framing 0/0 stays"},
           Case{"GET / HTTP/1.0\r\n\r\n", "GET / 1.0  framing 0/0"},
           Case{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / 1.0 Connection: Keep-Alive\r\n framing 0/0 stays"},
           Case{"GET / HTTP/1.9\r\nHost:\r\n\r\n", "GET / 1.1 Host: \r\n framing 0/0 stays"},
           Case{"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n",
                "GET / 1.1 Host: a\r\nConnection: x, close\r\n framing 0/0"},
           Case{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * 1.1 Host: a\r\n framing 0/0 stays"},
           Case{"GET http://b/c HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://b/c 1.1 Host: a\r\n framing 0/0 stays"},
           Case{"POST / HTTP/1.1\r\nHost: [::1]:8\r\nContent-Length: 0\r\n\r\n",
                "POST / 1.1 Host: [::1]:8\r\nContent-Length: 0\r\n framing 1/0 stays"},
           Case{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nExpect: 100-Continue\r\n\r\n",
                "POST / 1.1 Host: a\r\nContent-Length: 12\r\nExpect: 100-Continue\r\n framing 1/12 stays waits"},
           Case{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: , Chunked\r\n\r\n",
                "POST / 1.1 Host: a\r\nTransfer-Encoding: , Chunked\r\n framing 2/0 stays"},
           Case{"GET / HTTP/1.1\r\nHost: a\r\nX: \x80\xFF\r\n\r\n", "GET / 1.1 Host: a\r\nX: \x80\xFF\r\n framing 0/0 stays"},
       }) {
    Verdict verdict = judge_request(each.bytes);
    EXPECT_TRUE(verdict.done) << verdict << "\n" << each.bytes;
    EXPECT_EQ(verdict.message, each.result);
    EXPECT_EQ(verdict.consumed, each.bytes.size());
  }
}

TEST(RequestParser, LeavesWhatFollowsTheHead) {
  std::string_view head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
  Verdict verdict = judge_request(std::string(head) + "abcGET / HTTP/1.1\r\n");
  EXPECT_TRUE(verdict.done);
  EXPECT_EQ(verdict.consumed, head.size());
}

TEST(RequestParser, WaitsForTheRest) {
  for (std::string_view bytes : {"", "\r", "\r\n", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r"}) {
    Verdict verdict = judge_request(bytes);
    EXPECT_FALSE(verdict.done) << bytes;
    EXPECT_EQ(verdict.reason, "") << bytes;
  }
}

TEST(RequestParser, CanBeUsedAgain) {
  H1RequestParser parser({});
  Request request;
  ASSERT_TRUE(parser.parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", request)->done);
  EXPECT_TRUE(parser.has_begun());
  parser.reset();
  request.clear();
  EXPECT_FALSE(parser.has_begun());
  ASSERT_TRUE(parser.parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n", request)->done);
  EXPECT_FALSE(parser.framing().has_body());
}

// ---- requests that are refused ----

struct Refusal {
  std::string_view bytes;
  std::string_view reason;
  std::string_view field = "";
};

class RefusedRequest : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedRequest, IsNamedByItsReason) {
  Verdict verdict = judge_request(GetParam().bytes);
  EXPECT_EQ(verdict.reason, GetParam().reason);
  EXPECT_EQ(verdict.field, GetParam().field);
}

// A request line alone, and fields behind a sound one.
#define LINE(line) line "\r\n"
#define FIELDS(fields) "POST / HTTP/1.1\r\nHost: a\r\n" fields "\r\n\r\n"

INSTANTIATE_TEST_SUITE_P(
    StartLine, RefusedRequest,
    testing::Values(Refusal{LINE("GET /"), "bad-request-line"}, Refusal{LINE("GET"), "bad-request-line"},
                    Refusal{"\r\n\r\n", "bad-request-line"}, Refusal{LINE("GET  / HTTP/1.1"), "bad-target"},
                    Refusal{LINE("GET /  HTTP/1.1"), "bad-target"}, Refusal{LINE(" GET / HTTP/1.1"), "bad-method"},
                    Refusal{LINE("GET / HTTP/1.1 "), "bad-version"}, Refusal{LINE("G(T / HTTP/1.1"), "bad-method"},
                    Refusal{LINE("GET\t/ HTTP/1.1"), "bad-request-line"},
                    Refusal{LINE("METHODMETHODMETHODMETHODMETHODMETHOD / HTTP/1.1"), "bad-method"},
                    Refusal{LINE("GET / HTTP/2.0"), "version-not-supported"},
                    Refusal{LINE("PRI * HTTP/2.0"), "version-not-supported"},
                    Refusal{LINE("GET / HTTP/0.9"), "version-not-supported"},
                    Refusal{LINE("GET / http/1.1"), "bad-version"}, Refusal{LINE("GET / HTTP/1.10"), "bad-version"},
                    Refusal{LINE("GET / HTTP/1,1"), "bad-version"}, Refusal{LINE("GET / HTTPS/1.1"), "bad-version"},
                    Refusal{"GET / HTTP/1.1\nHost: a\n\n", "bare-lf"}, Refusal{"\n", "bare-lf"},
                    Refusal{LINE("GET /\r HTTP/1.1"), "bad-target"}, Refusal{LINE("\x16\x03\x01"), "bad-request-line"}));

INSTANTIATE_TEST_SUITE_P(
    Target, RefusedRequest,
    testing::Values(Refusal{LINE("GET a HTTP/1.1"), "bad-target"}, Refusal{LINE("GET * HTTP/1.1"), "bad-target"},
                    Refusal{LINE("CONNECT a:80 HTTP/1.1"), "bad-target"},
                    Refusal{LINE("GET http:// HTTP/1.1"), "bad-target"}, Refusal{LINE("GET http:///a HTTP/1.1"), "bad-target"},
                    Refusal{LINE("GET http://u@h/ HTTP/1.1"), "bad-target"},
                    Refusal{LINE("GET ftp://h/ HTTP/1.1"), "bad-target"}, Refusal{LINE("GET /a#b HTTP/1.1"), "bad-target"},
                    Refusal{LINE("GET /a\x7F HTTP/1.1"), "bad-target"}, Refusal{LINE("GET /\xC3\xA9 HTTP/1.1"), "bad-target"},
                    Refusal{LINE("GET /<script> HTTP/1.1"), "bad-target"},
                    Refusal{std::string_view("GET /\0 HTTP/1.1\r\n", 18), "bad-target"}));

INSTANTIATE_TEST_SUITE_P(
    Field, RefusedRequest,
    testing::Values(Refusal{FIELDS("X"), "bad-header"}, Refusal{FIELDS(": y"), "bad-header"},
                    Refusal{FIELDS("X : y"), "space-before-colon"}, Refusal{FIELDS("X\t: y"), "space-before-colon"},
                    Refusal{FIELDS("X(: y"), "bad-header"}, Refusal{FIELDS("X\x80: y"), "bad-header"},
                    Refusal{FIELDS("X: y\r\n z"), "obs-fold"}, Refusal{FIELDS("X: y\r\n\tz"), "obs-fold"},
                    Refusal{"GET / HTTP/1.1\r\n Host: a\r\n\r\n", "obs-fold"},
                    Refusal{FIELDS("X: y\nY: z"), "bare-lf"}, Refusal{FIELDS("X: y\rY: z"), "bare-cr", "X"},
                    Refusal{FIELDS("X: y\r\rY: z"), "bare-cr", "X"}, Refusal{FIELDS("X: \x01"), "bad-header-value", "X"},
                    Refusal{FIELDS("X: a\x7F"), "bad-header-value", "X"},
                    Refusal{std::string_view("GET / HTTP/1.1\r\nX: \0\r\n", 22), "bad-header-value", "X"}));

INSTANTIATE_TEST_SUITE_P(
    Host, RefusedRequest,
    testing::Values(Refusal{"GET / HTTP/1.1\r\n\r\n", "missing-host", "host"},
                    Refusal{FIELDS("Host: a"), "duplicate-host", "host"},
                    Refusal{"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "duplicate-host", "host"},
                    Refusal{"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "bad-host", "host"},
                    Refusal{"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "bad-host", "host"},
                    Refusal{"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "bad-host", "host"},
                    Refusal{"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "bad-host", "host"}));

INSTANTIATE_TEST_SUITE_P(
    Framing, RefusedRequest,
    testing::Values(
        Refusal{FIELDS("Content-Length: 3\r\nTransfer-Encoding: chunked"), "length-and-coding", "content-length"},
        Refusal{FIELDS("Transfer-Encoding: chunked\r\nContent-Length: 3"), "length-and-coding", "content-length"},
        Refusal{FIELDS("Content-Length: 3\r\nContent-Length: 4"), "duplicate-content-length", "content-length"},
        Refusal{FIELDS("Content-Length: 3\r\ncontent-length: 3"), "duplicate-content-length", "content-length"},
        Refusal{FIELDS("Content-Length: 3, 3"), "bad-content-length", "content-length"},
        Refusal{FIELDS("Content-Length:"), "bad-content-length", "content-length"},
        Refusal{FIELDS("Content-Length: -1"), "bad-content-length", "content-length"},
        Refusal{FIELDS("Content-Length: +1"), "bad-content-length", "content-length"},
        Refusal{FIELDS("Content-Length: 1 0"), "bad-content-length", "content-length"},
        Refusal{FIELDS("Content-Length: 0x10"), "bad-content-length", "content-length"},
        Refusal{FIELDS("Content-Length: 18446744073709551616"), "bad-content-length", "content-length"},
        Refusal{FIELDS("Transfer-Encoding: gzip"), "bad-transfer-encoding", "transfer-encoding"},
        Refusal{FIELDS("Transfer-Encoding:"), "bad-transfer-encoding", "transfer-encoding"},
        Refusal{FIELDS("Transfer-Encoding: chunked, gzip"), "bad-transfer-encoding", "transfer-encoding"},
        Refusal{FIELDS("Transfer-Encoding: xchunked"), "bad-transfer-encoding", "transfer-encoding"},
        Refusal{FIELDS("Transfer-Encoding: chunked;x"), "bad-transfer-encoding", "transfer-encoding"},
        Refusal{FIELDS("Transfer-Encoding: \"chunked\""), "bad-transfer-encoding", "transfer-encoding"},
        Refusal{FIELDS("Transfer-Encoding: gzip, chunked"), "transfer-coding-unknown", "transfer-encoding"},
        Refusal{FIELDS("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), "transfer-coding-unknown",
                "transfer-encoding"},
        Refusal{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "bad-transfer-encoding", "transfer-encoding"},
        Refusal{FIELDS("Connection: close, :"), "bad-connection", "connection"},
        Refusal{FIELDS("Expect: 200-ok"), "expectation-unknown", "expect"}));

TEST(RefusedHeader, IsNotNamedIfItsNameIsLong) {
  std::string long_name(65, 'n');
  EXPECT_EQ(judge_request("GET / HTTP/1.1\r\n" + long_name + ": \x01\r\n").field, "");
  EXPECT_EQ(judge_request("GET / HTTP/1.1\r\n" + long_name.substr(1) + ": \x01\r\n").field, long_name.substr(1));
}

// ---- limits: below, at, above ----

constexpr H1Limits kTight = {.start_line_bytes = 32, .field_line_bytes = 24, .head_bytes = 80, .field_count = 3};

std::string get_line_of(std::size_t bytes) {
  std::string frame = "GET / HTTP/1.1\r\n";
  return "GET /" + std::string(bytes - frame.size(), 'a') + " HTTP/1.1\r\n";
}

TEST(RequestLimits, HoldForTheStartLine) {
  EXPECT_TRUE(judge_request(get_line_of(32) + "Host: a\r\n\r\n", kTight).done);
  EXPECT_EQ(judge_request(get_line_of(33) + "Host: a\r\n\r\n", kTight).reason, "request-line-too-long");
  EXPECT_EQ(judge_request(std::string(31, 'x'), kTight).reason, "");
  EXPECT_EQ(judge_request(std::string(32, 'x'), kTight).reason, "request-line-too-long");
}

TEST(RequestLimits, HoldForAField) {
  std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_TRUE(judge_request(start + "X: " + std::string(19, 'y') + "\r\n\r\n", kTight).done);
  EXPECT_EQ(judge_request(start + "X: " + std::string(20, 'y') + "\r\n\r\n", kTight).reason, "header-too-long");
  EXPECT_EQ(judge_request(start + std::string(24, 'y'), kTight).reason, "header-too-long");
}

TEST(RequestLimits, HoldForTheWholeHead) {
  std::string start = get_line_of(30) + "Host: a\r\n" + "X: " + std::string(19, 'y') + "\r\n";  // 63 bytes
  EXPECT_TRUE(judge_request(start + "Y: 1234567890\r\n\r\n", kTight).done);                    // 80 in all
  EXPECT_EQ(judge_request(start + "Y: 12345678901\r\n\r\n", kTight).reason, "headers-too-large");
}

TEST(RequestLimits, HoldForTheNumberOfFields) {
  std::string start = "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\n";
  EXPECT_TRUE(judge_request(start + "\r\n", kTight).done);
  EXPECT_EQ(judge_request(start + "E: f\r\n\r\n", kTight).reason, "too-many-headers");
}

// ---- responses ----

TEST(ResponseParser, FindsWhereTheBodyEnds) {
  for (const Case& each : {
           Case{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200 Content-Length: 5\r\n framing 1/5 stays"},
           Case{"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 Content-Length: 0\r\n framing 1/0 stays"},
           Case{"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n", "200 Transfer-Encoding: chunked\r\n framing 2/0 stays"},
           Case{"HTTP/1.1 404 Not \xC3\xA9\r\n\r\n", "404  framing 3/0"},
           Case{"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", "200 Content-Length: 5\r\n framing 1/5"},
           Case{"HTTP/1.1 204 No Content\r\n\r\n", "204  framing 0/0 stays"},
           Case{"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "304 Content-Length: 5\r\n framing 0/0 stays"},
           Case{"HTTP/1.1 100 Continue\r\n\r\n", "100  framing 0/0 stays"},
           Case{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n",
                "200 Content-Length: 5\r\nConnection: close\r\n framing 1/5"},
       }) {
    Verdict verdict = judge_response(each.bytes);
    EXPECT_TRUE(verdict.done) << verdict;
    EXPECT_EQ(verdict.message, each.result);
  }
}

TEST(ResponseParser, ExpectsNoBodyAfterHead) {
  Verdict verdict = judge_response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", /*answers_head=*/true);
  EXPECT_EQ(verdict.message, "200 Content-Length: 5\r\n framing 0/0 stays");
}

TEST(ResponseParser, RefusesWhatIsNoAnswer) {
  for (const Case& each : {
           Case{"SSH-2.0-OpenSSH_9.2\r\n", "bad-version"}, Case{"HTTP/2 200 OK\r\n", "bad-version"},
           Case{"HTTP/1.1 20 OK\r\n", "bad-status-line"}, Case{"HTTP/1.1  200 OK\r\n", "bad-status-line"},
           Case{"HTTP/1.1 2000 OK\r\n", "bad-status-line"}, Case{"HTTP/1.1 099 OK\r\n", "bad-status-line"},
           Case{"HTTP/1.1 200OK\r\n", "bad-status-line"}, Case{"HTTP/1.1 200 O\x01K\r\n", "bad-status-line"},
           Case{"\r\n", "bad-version"},
           Case{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "length-and-coding"},
       }) {
    EXPECT_EQ(judge_response(each.bytes).reason, each.result) << each.bytes;
  }
}

}  // namespace
}  // namespace sluice::http
