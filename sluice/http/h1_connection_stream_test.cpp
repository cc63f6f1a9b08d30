// SPDX-License-Identifier: MIT
//
// Replies that a connection streams.
#include <sluice/http/h1_connection.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <sluice/http/h1_requests_test.hpp>

namespace sluice::http {
namespace {

using namespace std::chrono_literals;

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
          if (written) written = sleep(own, 1s);
          if (!written) seen = written.error();
          SLUICE_TRY(written);
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

}  // namespace
}  // namespace sluice::http
