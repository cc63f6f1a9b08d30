// SPDX-License-Identifier: MIT
//
// What our codec accepts, Boost.Beast must accept too, and understand the same by it: the method, the target, each field,
// the body, and where the message ends. (We refuse more than Beast does; that way round a difference is harmless.) On a
// corpus, and on seeded mutations of it.
#include <sluice/http/h1_oracle_test.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

// Less than a second of an ordinary machine.
constexpr std::size_t kRounds = 60'000;
constexpr std::uint64_t kSeed = 0x5EED;

void compare(std::string_view bytes) {
  EXPECT_EQ(disagreement(bytes).value_or(""), "") << bytes;
}

const std::vector<std::string>& corpus() {
  static const std::vector<std::string> kCorpus = {
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /v1/studies/DEMO/receipts/r_9f2c?full=1&x=%20 HTTP/1.1\r\nHost: 127.0.0.1:8888\r\nUser-Agent: curl/8\r\n"
      "Accept: */*\r\nAccept-Encoding: gzip, deflate\r\n\r\n",
      "POST /ping HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhelloGET / HTTP/1.1\r\n",
      "POST /data HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;ext=1\r\n, world\r\n0\r\n\r\n",
      "POST /data HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n00b\r\nhello world\r\n0\r\nTrailer: x\r\n\r\n",
      "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
      "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
      "GET http://a/b HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nX-Tab:\t1\t\r\nX-High: \xC3\xA9\r\n\r\n",
  };
  return kCorpus;
}

// Bytes that mean something to a parser; a mutation with them goes deeper than one with any byte.
constexpr std::string_view kPieces[] = {
    "\r\n", "\n", "\r", "\r\n\r\n", " ", "\t", ":", ": ", ",", ";", "0", "1", "5", "a", "F", "-", "\"", "%", "/", "\x7F", "\x80",
    "Content-Length: 5\r\n", "Content-Length: 6\r\n", "Transfer-Encoding: chunked\r\n", "Host: b\r\n", "chunked", "HTTP/1.1",
    "GET ", "0\r\n\r\n", "5\r\n", "FFFFFFFFFFFFFFFF", "Connection: close\r\n", " \r\n", "\r\n ", std::string_view("\0", 1)};

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::string next() {
    std::string bytes = corpus()[below(corpus().size())];
    for (std::size_t i = below(3) + 1; i > 0; --i) mutate(bytes);
    return bytes;
  }

 private:
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }

  void mutate(std::string& bytes) {
    std::size_t at = below(bytes.size() + 1);
    std::string_view piece = kPieces[below(std::size(kPieces))];
    switch (below(5)) {
      case 0: bytes.insert(at, piece); break;
      case 1: bytes.erase(at, below(8) + 1); break;
      case 2: bytes.replace(at, std::min(piece.size(), bytes.size() - at), piece); break;
      case 3: bytes.insert(at, bytes.substr(below(bytes.size() + 1), below(24))); break;
      default:
        if (at < bytes.size()) bytes[at] = static_cast<char>(below(256));
    }
  }

  std::mt19937_64 random_;
};

TEST(Differential, UnderstandsTheCorpusAsBeastDoes) {
  for (const std::string& bytes : corpus()) {
    auto mine = ours(bytes);
    ASSERT_TRUE(mine && mine->complete) << bytes;
    compare(bytes);
  }
}

TEST(Differential, AcceptsNoMutationThatBeastUnderstandsOtherwise) {
  Mutator mutator(kSeed);
  std::size_t accepted = 0;
  for (std::size_t round = 0; round < kRounds && !HasFailure(); ++round) {
    std::string bytes = mutator.next();
    auto mine = ours(bytes);
    accepted += mine && mine->complete ? 1 : 0;
    compare(bytes);
  }
  // Else the mutations would be too wild to test anything.
  EXPECT_GT(accepted, kRounds / 50);
}

// Where mutations are cut must not matter either.
TEST(Differential, JudgesMutationsTheSameHoweverTheyAreSplit) {
  Mutator mutator(kSeed + 1);
  std::mt19937_64 random(kSeed);
  for (std::size_t round = 0; round < kRounds && !HasFailure(); ++round) {
    std::string bytes = mutator.next();
    auto whole = [&] {
      H1RequestParser parser({});
      Request request;
      auto step = parser.parse(bytes, request);
      return std::pair(step ? "" : std::string(step.error().reason()), step && step->done);
    }();
    H1RequestParser parser({});
    Request request;
    std::pair<std::string, bool> pieces;
    std::size_t consumed = 0;
    for (std::size_t end = 0; end < bytes.size() && pieces.first.empty() && !pieces.second;) {
      end = std::min(bytes.size(), end + 1 + static_cast<std::size_t>(random() % 40));
      auto step = parser.parse(std::string_view(bytes).substr(consumed, end - consumed), request);
      if (!step) pieces.first = step.error().reason();
      if (step) consumed += step->consumed, pieces.second = step->done;
    }
    EXPECT_EQ(pieces, whole) << bytes;
  }
}

}  // namespace
}  // namespace sluice::http
