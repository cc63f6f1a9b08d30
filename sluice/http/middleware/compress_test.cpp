// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/compress.hpp>

#include <random>
#include <string>

#include <gtest/gtest.h>
#include <zlib.h>

#include <sluice/http/http_test.hpp>

namespace sluice::http::middleware {
namespace {

std::string gunzipped(std::string_view packed) {
  z_stream stream{};
  EXPECT_EQ(::inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
  std::string text(std::size_t{8} << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(::inflate(&stream, Z_FINISH), Z_STREAM_END);
  text.resize(text.size() - stream.avail_out);
  ::inflateEnd(&stream);
  return text;
}

const std::string kText(5000, 'a');

Response ask(Context& ctx, Response answer, const char* accept = "gzip") {
  Handler handler = compress({})([&](Context&, const Request&) { return std::move(answer); });
  Request request("GET", "/");
  if (accept != nullptr) request.headers().add("Accept-Encoding", accept);
  return handler(ctx, request);
}

bool is_packed(const Response& response) { return response.headers.find("content-encoding") == "gzip"; }

TEST(Compress, PacksATextOfAnySizeAndItUnpacksToTheSame) {
  in_virtual_time([](Context& ctx) {
    std::mt19937 random(1);
    for (std::size_t size : {std::size_t{1024}, std::size_t{5000}, std::size_t{65'536}, std::size_t{65'537}, std::size_t{3'000'000}}) {
      SCOPED_TRACE(size);
      std::string text(size, ' ');
      for (char& c : text) c = "{\"heartRate\":72}"[random() % 16];
      Response response = ask(ctx, Response::json_text(text));
      ASSERT_TRUE(is_packed(response));
      EXPECT_LT(response.body.size(), size);
      EXPECT_EQ(gunzipped(response.body), text);
      EXPECT_EQ(response.headers.find("vary"), "Accept-Encoding");
    }
  });
}

TEST(Compress, Rfc9110_12_5_3_HeedsWhatTheClientAccepts) {
  struct Case {
    const char* accept;
    bool is_packed;
  };
  const Case table[] = {{nullptr, false},          {"", false},           {"gzip", true},        {"GZIP", true},
                        {"x-gzip", true},          {"br, gzip", true},    {"gzip;q=0", false},   {"gzip; q=0.001", true},
                        {"gzip;q=0, *;q=1", false}, {"*", true},          {"*;q=0", false},      {"identity", false},
                        {"gzip;q=2", false},       {"gzip;q=x", false},   {"gzipped", false},    {"br;q=1, *;q=0.5", true}};
  in_virtual_time([&](Context& ctx) {
    for (const Case& each : table) {
      Response response = ask(ctx, Response::text(kText), each.accept);
      EXPECT_EQ(is_packed(response), each.is_packed) << (each.accept != nullptr ? each.accept : "none");
      EXPECT_EQ(response.headers.find("vary"), "Accept-Encoding") << "a cache has to know in either case";
      EXPECT_EQ(each.is_packed ? gunzipped(response.body) : response.body, kText);
    }
  });
}

TEST(Compress, PacksWhatIsTextAndNothingElse) {
  struct Case {
    const char* type;
    bool is_packed;
  };
  const Case table[] = {{"text/html; charset=utf-8", true}, {"application/json", true},      {"application/problem+json", true},
                        {"image/svg+xml", true},            {"text/javascript", true},       {"application/javascript", true},
                        {"application/x-ndjson", true},     {"image/png", false},            {"application/zip", false},
                        {"application/octet-stream", false}, {"text/event-stream", false},   {"json", false}};
  in_virtual_time([&](Context& ctx) {
    for (const Case& each : table) {
      Response response = ask(ctx, Response::with_type(each.type, kText));
      EXPECT_EQ(is_packed(response), each.is_packed) << each.type;
      EXPECT_EQ(response.headers.find("vary").has_value(), each.is_packed) << each.type;
    }
  });
}

TEST(Compress, LeavesAloneWhatMustNotOrNeedNotBePacked) {
  in_virtual_time([](Context& ctx) {
    EXPECT_FALSE(is_packed(ask(ctx, Response::text(std::string(1023, 'a')))));
    EXPECT_FALSE(is_packed(ask(ctx, Response::text(kText, 206))));
    Response encoded = Response::text(kText);
    encoded.headers.add("Content-Encoding", "br");
    EXPECT_EQ(ask(ctx, std::move(encoded)).headers.find("content-encoding"), "br");
    Response fixed = Response::text(kText);
    fixed.headers.add("Cache-Control", "no-store, no-transform");
    EXPECT_FALSE(is_packed(ask(ctx, std::move(fixed))));
    Response streamed = Response::streamed("text/plain", [](Context&, BodyWriter&) -> Result<void> { return {}; });
    streamed.body = kText;
    EXPECT_FALSE(is_packed(ask(ctx, std::move(streamed))));
  });
}

TEST(Compress, LeavesAloneWhatWouldNotBecomeSmaller) {
  in_virtual_time([](Context& ctx) {
    std::mt19937 random(1);
    std::string noise(4096, ' ');
    for (char& c : noise) c = static_cast<char>(random());
    Response response = ask(ctx, Response::text(noise));
    EXPECT_FALSE(is_packed(response));
    EXPECT_EQ(response.body, noise);
  });
}

TEST(Compress, WeakensATagThatPromisedTheSameBytes) {
  in_virtual_time([](Context& ctx) {
    for (const char* tag : {"\"v1\"", "W/\"v1\""}) {
      Response response = Response::text(kText);
      response.headers.add("ETag", tag);
      EXPECT_EQ(ask(ctx, std::move(response)).headers.find("etag"), "W/\"v1\"");
    }
  });
}

TEST(Compress, GoesOverTheWireWithTheLengthOfWhatIsPacked) {
  in_virtual_time([](Context& ctx) {
    Conversation talk(ctx, compress({})([](Context&, const Request&) { return Response::text(kText); }));
    Reply reply = talk.ask("GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n");
    EXPECT_EQ(reply.headers.find("content-length"), std::to_string(reply.body.size()));
    EXPECT_EQ(gunzipped(reply.body), kText);
  });
}

}  // namespace
}  // namespace sluice::http::middleware
