// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/gunzip.hpp>

#include <string>

#include <zlib.h>

#include <gtest/gtest.h>

#include <sluice/http/http_test.hpp>
#include <sluice/http/middleware/max_body.hpp>

namespace sluice::http::middleware {
namespace {

std::string packed(std::string_view text) {
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(::deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  ::deflateEnd(&stream);
  return out;
}

// What a handler behind gunzip(100) answers: its body back.
Response send(std::string body, std::string_view coding) {
  Response response;
  in_virtual_time([&](Context& ctx) {
    Handler echo = gunzip(100)([](Context&, const Request& request) { return Response::text(std::string(request.body())); });
    Request request("POST", "/", body);
    if (!coding.empty()) request.headers().add("Content-Encoding", coding);
    response = echo(ctx, request);
  });
  return response;
}

TEST(Gunzip, UnpacksWhatIsPackedAndLeavesTheRestAlone) {
  EXPECT_EQ(send(packed("hello"), "gzip").body, "hello");
  EXPECT_EQ(send(packed(""), "GZIP").body, "");
  EXPECT_EQ(send("hello", "").body, "hello");
  EXPECT_EQ(send("hello", "identity").body, "hello");
}

TEST(Gunzip, LimitsWhatABodyUnpacksTo) {
  EXPECT_EQ(send(packed(std::string(100, 'x')), "gzip").body, std::string(100, 'x'));
  Response refused = send(packed(std::string(101, 'x')), "gzip");
  EXPECT_EQ(refused.status, 413);
  EXPECT_NE(refused.body.find(R"("limit":100)"), refused.body.npos) << refused.body;
  EXPECT_EQ(send(packed(std::string(50 << 20, 'x')), "gzip").status, 413);
}

// What a server with room for so many bytes of bodies answers to 100,000 that came packed.
int status_within(std::size_t body_memory) {
  int status = 0;
  in_virtual_time([&](Context& ctx) {
    BodyBudget budget(body_memory);
    Handler handler = max_body(1 << 20)(gunzip(1 << 20)([](Context&, const Request&) {}));
    Conversation talk(ctx, handler, {}, kWideWire, &budget);
    std::string body = packed(std::string(100'000, 'x'));
    status = talk.ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: " +
                      std::to_string(body.size()) + "\r\n\r\n" + body).status;
    EXPECT_EQ(budget.used(), 0U);
  });
  return status;
}

TEST(Gunzip, CountsWhatABodyUnpacksTo) {
  EXPECT_EQ(status_within(90'000), 503);
  EXPECT_EQ(status_within(110'000), 200);
}

TEST(Gunzip, RefusesWhatIsNotGzipCutOffOrFollowedBySomething) {
  std::string good = packed("hello hello hello");
  EXPECT_EQ(send("hello", "gzip").status, 400);
  EXPECT_EQ(send("", "gzip").status, 400);
  for (std::size_t cut = 0; cut < good.size(); ++cut) EXPECT_EQ(send(good.substr(0, cut), "gzip").status, 400) << cut;
  EXPECT_EQ(send(good + "x", "gzip").status, 400);
  std::string damaged = good;
  damaged[good.size() - 6] ^= 1;  // the checksum
  EXPECT_EQ(send(damaged, "gzip").status, 400);
}

TEST(Gunzip, RefusesOtherCodings) {
  EXPECT_EQ(send("hello", "br").status, 415);
  EXPECT_EQ(send(packed("hello"), "gzip, gzip").status, 415);
}

}  // namespace
}  // namespace sluice::http::middleware
