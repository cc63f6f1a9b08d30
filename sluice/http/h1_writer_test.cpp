// SPDX-License-Identifier: MIT
#include <sluice/http/h1_writer.hpp>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";

std::string head(const Response& response, ReplyFacts facts, const Headers& more = {}) {
  facts.date = kDate;
  std::string out;
  append_reply_head(out, response, more, facts);
  return out;
}

TEST(ReplyHead, SaysLengthAndDate) {
  Headers more;
  more.add("Traceparent", "x");
  EXPECT_EQ(head(Response::text("hello"), {}, more),
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Traceparent: x\r\nContent-Length: 5\r\n\r\n");
}

TEST(ReplyHead, SaysHowTheBodyEnds) {
  EXPECT_TRUE(head(Response::empty(), {.body = ReplyFacts::Body::kChunked}).contains("Transfer-Encoding: chunked\r\n"));
  EXPECT_FALSE(head(Response::empty(), {.body = ReplyFacts::Body::kChunked}).contains("Content-Length"));
  EXPECT_FALSE(head(Response::empty(204), {.body = ReplyFacts::Body::kNone}).contains("Content-Length"));
}

TEST(ReplyHead, SaysWhetherTheConnectionGoesOn) {
  EXPECT_FALSE(head(Response::empty(), {}).contains("Connection"));
  EXPECT_TRUE(head(Response::empty(), {.closes = true}).contains("Connection: close\r\n"));
  EXPECT_TRUE(head(Response::empty(), {.version = Version::kHttp10}).contains("Connection: keep-alive\r\n"));
}

TEST(ReplyHead, SaysKeepAliveAloudIfItIsAsked) {
  EXPECT_TRUE(head(Response::empty(), {.keeps_alive_aloud = true}).contains("Connection: keep-alive\r\n"));
  EXPECT_FALSE(head(Response::empty(), {.closes = true, .keeps_alive_aloud = true}).contains("keep-alive"));
}

TEST(ReplyHead, NamesUpgradeInConnection) {
  EXPECT_TRUE(head(Response::empty(101), {.body = ReplyFacts::Body::kNone, .upgrades = true}).contains("Connection: Upgrade\r\n"));
  EXPECT_TRUE(head(Response::empty(426), {.closes = true, .upgrades = true}).contains("Connection: close, Upgrade\r\n"));
}

TEST(ReplyHead, LeavesTheCodecsFieldsToTheCodec) {
  Response response = Response::empty();
  for (const char* name : {"content-length", "Transfer-Encoding", "connection", "DATE"}) response.headers.add(name, "7");
  response.headers.add("X-Own", "kept");
  std::string text = head(response, {});
  EXPECT_FALSE(text.contains(": 7")) << text;
  EXPECT_TRUE(text.contains("X-Own: kept\r\n"));
}

TEST(RequestHead, BringsHostAndLength) {
  std::string out;
  append_request_head(out, Request("POST", "/a?b", "xyz"), "host:1", {});
  EXPECT_EQ(out, "POST /a?b HTTP/1.1\r\nHost: host:1\r\nContent-Length: 3\r\n\r\n");
  out.clear();
  append_request_head(out, Request("POST", "/"), "h", {});
  EXPECT_TRUE(out.contains("Content-Length: 0\r\n"));
  out.clear();
  append_request_head(out, Request("GET", "/"), "h", {});
  EXPECT_EQ(out, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
}

TEST(RequestHead, NamesUpgradeInConnection) {
  Request request("GET", "/");
  request.headers().add("Upgrade", "websocket");
  std::string out;
  append_request_head(out, request, "h", {});
  EXPECT_EQ(out, "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
}

TEST(Chunk, IsNeverTheLastOneByAccident) {
  std::string out;
  append_chunk(out, "");
  EXPECT_EQ(out, "");
  append_chunk(out, std::string(26, 'x'));
  EXPECT_EQ(out, "1a\r\n" + std::string(26, 'x') + "\r\n");
}

}  // namespace
}  // namespace sluice::http
