// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/max_body.hpp>

#include <gtest/gtest.h>

#include <sluice/http/http_test.hpp>

namespace sluice::http::middleware {
namespace {

Handler limited_echo(std::size_t limit) {
  return max_body(limit)([](Context&, const Request& request) { return Response::text(std::string(request.body())); });
}

std::string post(std::size_t bytes) {
  return "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n" + std::string(bytes, 'x');
}

TEST(MaxBody, GivesTheHandlerItsBodyInMemory) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, limited_echo(10));
    EXPECT_EQ(talk.ask(post(10)).body, "xxxxxxxxxx");
    EXPECT_EQ(talk.ask("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n").body,
              "0123456789");
    EXPECT_EQ(talk.ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n").body, "");
  });
}

TEST(MaxBody, RefusesOneByteMoreAndTellsTheLimit) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, limited_echo(10));
    Reply reply = talk.ask(post(11));
    EXPECT_EQ(reply.status, 413);
    EXPECT_TRUE(reply.body.ends_with(R"("code":"too-large","limit":10})")) << reply.body;
  });
}

TEST(MaxBody, RefusesAChunkedBodyThatIsBrokenWithoutCallingTheHandler) {
  in_virtual_time([](Context& ctx) {
    bool was_called = false;
    Conversation talk(ctx, max_body(100)([&](Context&, const Request&) { was_called = true; }));
    Reply reply = talk.ask("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
    EXPECT_EQ(reply.status, 400);
    EXPECT_TRUE(reply.body.contains("bad-chunk-size")) << reply.body;
    EXPECT_TRUE(reply.closes);
    EXPECT_FALSE(was_called);
  });
}

}  // namespace
}  // namespace sluice::http::middleware
