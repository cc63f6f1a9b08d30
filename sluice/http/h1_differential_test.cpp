// SPDX-License-Identifier: MIT
//
// What our codec accepts, Boost.Beast must accept too, and understand the same by it: the method, the target, each field,
// the body, and where the message ends. (We refuse more than Beast does; that way round a difference is harmless.) On a
// corpus, and on seeded mutations of it.
#include <algorithm>
#include <cctype>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wcast-qual"
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#pragma GCC diagnostic pop
#include <gtest/gtest.h>

#include <sluice/http/h1_body.hpp>
#include <sluice/http/h1_parser.hpp>

namespace sluice::http {
namespace {

namespace beast = boost::beast::http;

constexpr std::size_t kBodyMax = 1 << 16;
// Less than a second of an ordinary machine.
constexpr std::size_t kRounds = 60'000;
constexpr std::uint64_t kSeed = 0x5EED;

struct Understood {
  bool complete = false;
  std::size_t consumed = 0;
  std::string start;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;

  friend bool operator==(const Understood&, const Understood&) = default;
};

std::ostream& operator<<(std::ostream& out, const Understood& message) {
  out << (message.complete ? "complete, " : "incomplete, ") << message.consumed << " bytes: " << message.start;
  for (const auto& [name, value] : message.fields) out << " [" << name << "=" << value << "]";
  return out << " body '" << message.body << "'";
}

// Beast puts fields of one name together, so only their order within a name can be compared.
void sort_fields(Understood& message) {
  auto lower = [](std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
  };
  std::stable_sort(message.fields.begin(), message.fields.end(),
                   [&](const auto& a, const auto& b) { return lower(a.first) < lower(b.first); });
}

std::optional<Understood> ours(std::string_view bytes) {
  Understood message;
  H1Limits limits;
  Request request;
  H1RequestParser parser(limits);
  auto head = parser.parse(bytes, request);
  if (!head) return std::nullopt;
  if (!head->done) return message;
  H1BodyDecoder decoder(parser.framing(), limits, kBodyMax);
  auto body = decoder.decode(bytes.substr(head->consumed), &message.body);
  if (!body) return std::nullopt;
  if (!body->done) return Understood{};
  message.complete = true;
  message.consumed = head->consumed + body->consumed;
  message.start.append(request.method()).append(" ").append(request.target());
  for (std::size_t i = 0; i < request.headers().size(); ++i) {
    auto [name, value] = request.headers()[i];
    message.fields.emplace_back(name, value);
  }
  sort_fields(message);
  return message;
}

std::optional<Understood> beasts(std::string_view bytes) {
  beast::request_parser<beast::string_body> parser;
  parser.body_limit(kBodyMax);
  parser.header_limit(1 << 16);
  Understood message;
  while (!parser.is_done()) {
    boost::system::error_code error;
    bool had_head = parser.is_header_done();
    std::size_t taken = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    bytes.remove_prefix(taken);
    message.consumed += taken;
    if (error == beast::error::need_more) return Understood{};
    if (error) return std::nullopt;
    if (had_head || !parser.is_header_done()) continue;
    // Now, for later it adds the trailers, which we drop.
    for (const auto& field : parser.get()) message.fields.emplace_back(field.name_string(), field.value());
    parser.eager(true);
    if (bytes.empty() && !parser.is_done()) return Understood{};
  }
  message.complete = true;
  message.start = std::string(parser.get().method_string()) + " " + std::string(parser.get().target());
  message.body = parser.get().body();
  sort_fields(message);
  return message;
}

// Beast takes only 1.0 and 1.1 for a version.
bool may_differ(std::string_view bytes) {
  std::size_t version = bytes.find(" HTTP/1.");
  bool is_known_version = version == bytes.npos || version + 8 >= bytes.size() || bytes[version + 8] <= '1';
  return !is_known_version;
}

void compare(std::string_view bytes) {
  auto mine = ours(bytes);
  if (!mine || !mine->complete || may_differ(bytes)) return;
  // RFC 9112 §2.2 lets one empty line pass before a request, Beast does not.
  std::size_t empty_line = bytes.starts_with("\r\n") ? 2 : 0;
  auto theirs = beasts(bytes.substr(empty_line));
  ASSERT_TRUE(theirs) << "Beast refuses what we take:\n" << bytes << "\n" << *mine;
  theirs->consumed += empty_line;
  EXPECT_EQ(*mine, *theirs) << bytes;
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
