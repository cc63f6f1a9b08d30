// SPDX-License-Identifier: MIT
#include <sluice/http/h1_body.hpp>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

constexpr std::uint64_t kEnough = 1 << 20;
constexpr H1Framing kChunked{H1Framing::Kind::kChunked, 0};

struct Verdict {
  std::string reason;
  bool done = false;
  std::size_t consumed = 0;
  std::string body;

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

std::ostream& operator<<(std::ostream& out, const Verdict& verdict) {
  return out << verdict.reason << (verdict.done ? " done, " : " not done, ") << verdict.consumed << " bytes: "
             << verdict.body.substr(0, 100);
}

Verdict feed(H1BodyDecoder decoder, std::string_view bytes, const std::vector<std::size_t>& cuts) {
  Verdict verdict;
  for (std::size_t cut : cuts) {
    auto step = decoder.decode(bytes.substr(verdict.consumed, cut - verdict.consumed), &verdict.body);
    if (!step) return {std::string(step.error().reason()), false, 0, ""};
    verdict.consumed += step->consumed;
    verdict.done = step->done;
    if (step->done) break;
  }
  return verdict;
}

// The verdict on the bytes in one piece; fails if any split of them, or a byte at a time, leads to another.
Verdict judge(const H1Framing& framing, std::string_view bytes, std::uint64_t body_bytes_max = kEnough,
              const H1Limits& limits = {}) {
  H1BodyDecoder decoder(framing, limits, body_bytes_max);
  Verdict whole = feed(decoder, bytes, {bytes.size()});
  std::vector<std::size_t> each;
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    each.push_back(cut);
    EXPECT_EQ(feed(decoder, bytes, {cut, bytes.size()}), whole) << "split at " << cut;
  }
  EXPECT_EQ(feed(decoder, bytes, each), whole) << "a byte at a time";
  return whole;
}

TEST(BodyOfALength, EndsAfterSoManyBytes) {
  EXPECT_EQ(judge({H1Framing::Kind::kLength, 3}, "abcdef"), (Verdict{"", true, 3, "abc"}));
  EXPECT_EQ(judge({H1Framing::Kind::kLength, 3}, "ab"), (Verdict{"", false, 2, "ab"}));
  EXPECT_EQ(judge({H1Framing::Kind::kLength, 0}, "ab"), (Verdict{"", true, 0, ""}));
  EXPECT_EQ(judge({}, "ab"), (Verdict{"", true, 0, ""}));
}

TEST(BodyOfALength, IsRefusedBeforeAByteIsTakenIfItIsTooLarge) {
  EXPECT_EQ(judge({H1Framing::Kind::kLength, 4}, "abcd", 4), (Verdict{"", true, 4, "abcd"}));
  EXPECT_EQ(judge({H1Framing::Kind::kLength, 5}, "", 4).reason, "too-large");
  EXPECT_EQ(judge({H1Framing::Kind::kLength, UINT64_MAX}, "", 4).reason, "too-large");
}

TEST(BodyOfALength, CanBeReadPastTheDecoder) {
  H1BodyDecoder decoder({H1Framing::Kind::kLength, 10}, {}, kEnough);
  std::string body;
  EXPECT_EQ(decoder.decode("abc", &body)->consumed, 3u);
  EXPECT_EQ(decoder.plain_left(), 7u);
  decoder.skip(6);
  EXPECT_FALSE(decoder.is_done());
  decoder.skip(1);
  EXPECT_TRUE(decoder.is_done());
  EXPECT_EQ(decoder.plain_left(), 0u);
}

TEST(BodyUntilClose, TakesAllButNotTooMuch) {
  EXPECT_EQ(judge({H1Framing::Kind::kUntilClose, 0}, "abc", 3), (Verdict{"", false, 3, "abc"}));
  EXPECT_EQ(judge({H1Framing::Kind::kUntilClose, 0}, "abcd", 3).reason, "too-large");
}

TEST(ChunkedBody, IsPutTogether) {
  EXPECT_EQ(judge(kChunked, "3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\nmore"), (Verdict{"", true, 29, "abc0123456789"}));
  EXPECT_EQ(judge(kChunked, "0\r\n\r\n"), (Verdict{"", true, 5, ""}));
  EXPECT_EQ(judge(kChunked, "1;a=b;c=\"\\\"\"\r\nx\r\n000;e\r\nT: railer\r\nU:\r\n\r\n"), (Verdict{"", true, 41, "x"}));
}

TEST(ChunkedBody, WaitsForTheRest) {
  for (std::string_view bytes : {"", "3", "3\r", "3\r\n", "3\r\nabc", "3\r\nabc\r", "3\r\nabc\r\n", "0\r\n", "0\r\nT: x\r\n"}) {
    Verdict verdict = judge(kChunked, bytes);
    EXPECT_EQ(verdict.reason, "") << bytes;
    EXPECT_FALSE(verdict.done) << bytes;
  }
}

struct Refusal {
  std::string_view bytes;
  std::string_view reason;
};

TEST(ChunkedBody, IsRefusedForItsReason) {
  for (const Refusal& each : {
           Refusal{"\r\n", "bad-chunk-size"}, Refusal{"g\r\n", "bad-chunk-size"}, Refusal{"-1\r\n", "bad-chunk-size"},
           Refusal{"0x1\r\n", "bad-chunk-size"}, Refusal{" 1\r\n", "bad-chunk-size"}, Refusal{"1 \r\n", "bad-chunk-size"},
           Refusal{"1 ;a\r\n", "bad-chunk-size"}, Refusal{"+1\r\n", "bad-chunk-size"},
           Refusal{"10000000000000000\r\n", "bad-chunk-size"}, Refusal{"ffffffffffffffff\r\n", "too-large"},
           Refusal{"1\nx", "bare-lf"}, Refusal{"1;\x01\r\n", "bad-chunk-extension"}, Refusal{"1;a\rb\r\n", "bad-chunk-extension"},
           Refusal{"1;\r\n", "bad-chunk-extension"}, Refusal{"1;=a\r\n", "bad-chunk-extension"},
           Refusal{"1;a=\r\n", "bad-chunk-extension"}, Refusal{"1;a=\"b\\\"\r\n", "bad-chunk-extension"},
           Refusal{"1;a=\"b\"c\r\n", "bad-chunk-extension"}, Refusal{"1;a b\r\n", "bad-chunk-extension"},
           Refusal{"1\r\nxy", "bad-chunk-end"}, Refusal{"1\r\nx\n", "bad-chunk-end"}, Refusal{"1\r\nx\rx", "bad-chunk-end"},
           Refusal{"0\r\nT\r\n", "bad-header"}, Refusal{"0\r\n T: x\r\n", "obs-fold"}, Refusal{"0\r\nT: \x01\r\n", "bad-header-value"},
           Refusal{"0\r\nT: x\n\r\n", "bare-lf"},
       }) {
    EXPECT_EQ(judge(kChunked, each.bytes).reason, each.reason) << each.bytes;
  }
}

// A codec in front of us that puts trailers among the fields would see another message (found by fuzz/h1_request).
TEST(ChunkedBody, IsRefusedForATrailerThatFramesOrRoutes) {
  for (std::string_view field : {"Content-Length", "transfer-encoding", "HOST", "Connection", "Upgrade"}) {
    EXPECT_EQ(judge(kChunked, "0\r\n" + std::string(field) + ": x\r\n\r\n").reason, "bad-trailer") << field;
  }
  EXPECT_TRUE(judge(kChunked, "0\r\nContent-Digest: x\r\n\r\n").done);
}

TEST(ChunkedBody, IsRefusedWhenAChunkWouldMakeItTooLarge) {
  EXPECT_TRUE(judge(kChunked, "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", 4).done);
  EXPECT_EQ(judge(kChunked, "2\r\nab\r\n3\r\n", 4).reason, "too-large");
}

TEST(ChunkedBody, HoldsItsLinesToTheirLimits) {
  constexpr H1Limits kTight = {.chunk_line_bytes = 12, .chunk_extension_bytes = 8, .trailer_bytes = 16};
  EXPECT_TRUE(judge(kChunked, "1;aaaa\r\nx\r\n0;b\r\n\r\n", kEnough, kTight).done);
  EXPECT_EQ(judge(kChunked, "1;aaaa\r\nx\r\n1;bbb\r\n", kEnough, kTight).reason, "chunk-extensions-too-large");
  EXPECT_TRUE(judge(kChunked, "00000000;x\r\n\r\n", kEnough, kTight).done);
  EXPECT_EQ(judge(kChunked, "000000000;x\r\n", kEnough, kTight).reason, "chunk-line-too-long");
  EXPECT_EQ(judge(kChunked, "000000000000", kEnough, kTight).reason, "chunk-line-too-long");
  EXPECT_TRUE(judge(kChunked, "0\r\nT: 123456789\r\n\r\n", kEnough, {.trailer_bytes = 16}).done);
  EXPECT_EQ(judge(kChunked, "0\r\nT: 1234567890\r\n", kEnough, {.trailer_bytes = 14}).reason, "trailers-too-large");
  EXPECT_EQ(judge(kChunked, "0\r\nA: b\r\nC: d\r\nE: f\r\n\r\n", kEnough, kTight).reason, "trailers-too-large");
}

TEST(ChunkedBody, CanBeDropped) {
  H1BodyDecoder decoder(kChunked, {}, kEnough);
  EXPECT_TRUE(decoder.decode("3\r\nabc\r\n0\r\n\r\n", nullptr)->done);
}

}  // namespace
}  // namespace sluice::http
