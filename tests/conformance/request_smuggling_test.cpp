// SPDX-License-Identifier: MIT
//
// Known ways to make two servers on one connection disagree where a request ends. Each vector hides a second request, to
// /hidden; it is refused and the connection closed, or read in the one way that its verdict says, and then what looks hidden
// is body. Whatever happens, no handler ever sees /hidden, whether it reads bodies or leaves them, in one piece or in many.
// Vectors after: RFC 9112 §11.2; Linhart, Klein, Heled, Orrin, "HTTP Request Smuggling" (2005); Kettle, "HTTP Desync Attacks"
// (2019), "Browser-Powered Desync Attacks" (2022); chunk extensions and line ends: Ben Kallus, Jeppe Weikop (2023–2025).
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "connection_judge.hpp"

namespace sluice::http {
namespace {

#define HIDDEN "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n"  // 33 bytes, 0x21
#define POST_WITH(fields) "POST /a HTTP/1.1\r\nHost: h\r\n" fields "\r\n\r\n"
#define CHUNKED POST_WITH("Transfer-Encoding: chunked")
#define TEXT_WITH_NUL(text) std::string_view(text, sizeof(text) - 1)

bool is_hidden(const std::string& target) { return target.contains("hidden"); }

// The verdict and that nothing hidden was seen; a request that is left unread must not let it out either.
void expect_nothing_hidden(const std::vector<Case>& vectors) {
  expect_verdicts(vectors);
  for (const Case& vector : vectors) {
    for (bool reads_bodies : {true, false}) {
      for (std::size_t piece : {std::string::npos, std::size_t{1}, std::size_t{7}}) {
        in_virtual_time([&](Context& ctx) {
          Judged judged(ctx, reads_bodies);
          judged.say(vector.bytes, piece);
          judged.say("\r\n\r\n" HIDDEN, piece);  // for one that waits: the rest of it, in somebody's opinion
          EXPECT_LE(std::count_if(judged.targets().begin(), judged.targets().end(), is_hidden), 0)
              << (reads_bodies ? "read" : "left") << " in pieces of " << piece << ": " << vector.bytes;
        });
      }
    }
  }
}

// ---- two lengths ----

TEST(RequestSmuggling, ClTe) {
  expect_nothing_hidden({
      {POST_WITH("Content-Length: 38\r\nTransfer-Encoding: chunked") "0\r\n\r\n" HIDDEN, "400 length-and-coding | closed"},
      {POST_WITH("Content-Length: 6\r\nTransfer-Encoding: chunked") "0\r\n\r\nG" HIDDEN, "400 length-and-coding | closed"},
      {POST_WITH("Content-Length: 0\r\nTransfer-Encoding: chunked") "0\r\n\r\n" HIDDEN, "400 length-and-coding | closed"},
  });
}

TEST(RequestSmuggling, TeCl) {
  expect_nothing_hidden({
      {POST_WITH("Transfer-Encoding: chunked\r\nContent-Length: 4") "21\r\n" HIDDEN "\r\n0\r\n\r\n",
       "400 length-and-coding | closed"},
      {POST_WITH("Transfer-Encoding: chunked\r\nContent-Length: 0") "21\r\n" HIDDEN "\r\n0\r\n\r\n",
       "400 length-and-coding | closed"},
  });
}

TEST(RequestSmuggling, ClCl) {
  expect_nothing_hidden({
      {POST_WITH("Content-Length: 0\r\nContent-Length: 33") HIDDEN, "400 duplicate-content-length | closed"},
      {POST_WITH("Content-Length: 33\r\nContent-Length: 0") HIDDEN, "400 duplicate-content-length | closed"},
      {POST_WITH("Content-Length: 33\r\nContent-Length: 33") HIDDEN, "400 duplicate-content-length | closed"},
      {POST_WITH("Content-Length: 0, 33") HIDDEN, "400 bad-content-length | closed"},
      {POST_WITH("Content-Length: 33,33") HIDDEN, "400 bad-content-length | closed"},
  });
}

TEST(RequestSmuggling, LengthsThatSomeReadOtherwise) {
  expect_nothing_hidden({
      {POST_WITH("Content-Length: +33") HIDDEN, "400 bad-content-length | closed"},
      {POST_WITH("Content-Length: 0x22") HIDDEN, "400 bad-content-length | closed"},
      {POST_WITH("Content-Length: 3_3") HIDDEN, "400 bad-content-length | closed"},
      {POST_WITH("Content-Length: 33.0") HIDDEN, "400 bad-content-length | closed"},
      {POST_WITH("Content-Length: 33abc") HIDDEN, "400 bad-content-length | closed"},
      {POST_WITH("Content-Length: \"33\"") HIDDEN, "400 bad-content-length | closed"},
      {POST_WITH("Content-Length: 0 33") HIDDEN, "400 bad-content-length | closed"},
      {POST_WITH("Content-Length: -1") HIDDEN, "400 bad-content-length | closed"},
      {POST_WITH("Content-Length:") HIDDEN, "400 bad-content-length | closed"},
      {POST_WITH("Content-Length: \xD9\xA3\xD9\xA3") HIDDEN, "400 bad-content-length | closed"},  // digits, but not these
      {POST_WITH("Content-Length: 18446744073709551649") HIDDEN, "400 bad-content-length | closed"},  // 33 modulo 2^64
      // Decimal, for us as for all that read it so: not 27 in octal.
      {POST_WITH("Content-Length: 033") HIDDEN, "POST /a 'GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n' | kept"},
      // Another field altogether; then there is no body, and the text is a request that anybody sees.
      {POST_WITH("Content_Length: 34") "GET /seen HTTP/1.1\r\nHost: h\r\n\r\n", "POST /a | GET /seen | kept"},
  });
}

// ---- codings that only one side knows for chunked ----

TEST(RequestSmuggling, TeTeObfuscated) {
  for (const char* field : {
           "Transfer-Encoding: xchunked", "Transfer-Encoding: chunkedx", "Transfer-Encoding: chunked;q=1",
           "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: 'chunked'", "Transfer-Encoding: x",
           "Transfer-Encoding: identity", "Transfer-Encoding: chunked, identity", "Transfer-Encoding: cow",
           "Transfer-Encoding:", "Transfer-Encoding: chun\tked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow",
           "Transfer-Encoding: chunked\xA0", "Transfer-Encoding: \xC2\xA0" "chunked",
       }) {
    std::string vector = "POST /a HTTP/1.1\r\nHost: h\r\n" + std::string(field) + "\r\n\r\n21\r\n" HIDDEN "\r\n0\r\n\r\n";
    expect_nothing_hidden({{vector, "400 bad-transfer-encoding | closed"}});
  }
  for (const char* field : {"Transfer-Encoding: chunked, chunked", "Transfer-Encoding: identity, chunked",
                            "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked",
                            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"}) {
    std::string vector = "POST /a HTTP/1.1\r\nHost: h\r\n" + std::string(field) + "\r\n\r\n21\r\n" HIDDEN "\r\n0\r\n\r\n";
    expect_nothing_hidden({{vector, "501 transfer-coding-unknown | closed"}});
  }
}

TEST(RequestSmuggling, TeHiddenBesideALength) {
  expect_nothing_hidden({
      {POST_WITH("Content-Length: 33\r\nTransfer-Encoding : chunked") HIDDEN, "400 space-before-colon | closed"},
      {POST_WITH("Content-Length: 33\r\nTransfer-Encoding\t: chunked") HIDDEN, "400 space-before-colon | closed"},
      {POST_WITH("Content-Length : 34") HIDDEN, "400 space-before-colon | closed"},
      {POST_WITH("Content-Length: 33\r\n Transfer-Encoding: chunked") HIDDEN, "400 obs-fold | closed"},
      {POST_WITH("Content-Length: 33\r\nTransfer-Encoding:\r\n chunked") HIDDEN, "400 obs-fold | closed"},
      {POST_WITH("X: y\r\n\r Transfer-Encoding: chunked") HIDDEN, "400 bad-header | closed"},
      {POST_WITH("X: y\nTransfer-Encoding: chunked") HIDDEN, "400 bare-lf | closed"},
      {POST_WITH("X: y\rTransfer-Encoding: chunked") HIDDEN, "400 bare-cr | closed"},
      {POST_WITH("Content-Length: 33\r\nTransfer-Encoding: chunked\r") HIDDEN, "400 bare-cr | closed"},
      {TEXT_WITH_NUL(POST_WITH("Content-Length: 33\r\nTransfer-Encoding\0: chunked") HIDDEN), "400 bad-header | closed"},
      {TEXT_WITH_NUL(POST_WITH("Transfer-Encoding: chunked\0") HIDDEN), "400 bad-header-value | closed"},
      {TEXT_WITH_NUL(POST_WITH("Transfer-Encoding: \0chunked") HIDDEN), "400 bad-header-value | closed"},
      {POST_WITH("Transfer-Encoding: \x0B" "chunked") HIDDEN, "400 bad-header-value | closed"},
      {POST_WITH("\x01Transfer-Encoding: chunked") HIDDEN, "400 bad-header | closed"},
      {POST_WITH("Transfer-Encoding\xA0: chunked") HIDDEN, "400 bad-header | closed"},
      {POST_WITH("Transfer\x2E" "Encoding; chunked") HIDDEN, "400 bad-header | closed"},
      // Other fields, though a CGI would take them for it: the length is read, and the text is the body.
      {POST_WITH("Content-Length: 33\r\nTransfer_Encoding: chunked") HIDDEN,
       "POST /a 'GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n' | kept"},
      {POST_WITH("Content-Length: 33\r\nX-Transfer-Encoding: chunked") HIDDEN,
       "POST /a 'GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n' | kept"},
      {POST_WITH("Content-Length: 33\r\nTE: chunked") HIDDEN, "POST /a 'GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n' | kept"},
  });
}

TEST(RequestSmuggling, TeInHttp10) {
  expect_nothing_hidden({
      {"POST /a HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n21\r\n" HIDDEN "\r\n0\r\n\r\n",
       "400 bad-transfer-encoding | closed"},
      {"POST /a HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" HIDDEN,
       "400 length-and-coding | closed"},
  });
}

TEST(RequestSmuggling, FieldsThatConnectionNamesAreStillObeyed) {
  expect_nothing_hidden({
      {POST_WITH("Connection: keep-alive, Content-Length\r\nContent-Length: 33") HIDDEN,
       "POST /a 'GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n' | kept"},
      {POST_WITH("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked") "21\r\n" HIDDEN "\r\n0\r\n\r\n",
       "POST /a 'GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n' | kept"},
  });
}

// ---- chunks ----

TEST(RequestSmuggling, ChunkSizesThatSomeReadOtherwise) {
  for (const char* size : {"0x21", "+21", "-21", " 21", "21 ", "21\t", "2 1", "2_1", "21h", "0\t", "",
                           "10000000000000021", "00000000000000000g"}) {
    std::string vector = CHUNKED + std::string(size) + "\r\n" HIDDEN "\r\n0\r\n\r\n";
    expect_nothing_hidden({{vector, "400 bad-chunk-size | closed"}});
  }
  expect_nothing_hidden({
      {TEXT_WITH_NUL(CHUNKED "21\0\r\n" HIDDEN "\r\n0\r\n\r\n"), "400 bad-chunk-size | closed"},
      {TEXT_WITH_NUL(CHUNKED "0\0\r\n\r\n" HIDDEN), "400 bad-chunk-size | closed"},
      {CHUNKED "ffffffffffffffff\r\n" HIDDEN, "413 too-large | closed"},
      {CHUNKED "8000000000000000\r\n" HIDDEN, "413 too-large | closed"},
      // 33, written at length.
      {CHUNKED "0000000000000000000021\r\n" HIDDEN "\r\n0\r\n\r\n", "POST /a 'GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n' | kept"},
  });
}

TEST(RequestSmuggling, ChunkLinesWithBareCrAndLf) {
  expect_nothing_hidden({
      {CHUNKED "0\n\n" HIDDEN, "400 bare-lf | closed"},
      {CHUNKED "21\n" HIDDEN "\n0\n\n", "400 bare-lf | closed"},
      {CHUNKED "21\r" HIDDEN "\r0\r\r", "400 bad-chunk-size | closed"},
      {CHUNKED "1\r\nxx\r\n0\r\n\r\n" HIDDEN, "400 bad-chunk-end | closed"},
      {CHUNKED "1\r\nx\n0\r\n\r\n" HIDDEN, "400 bad-chunk-end | closed"},
      {CHUNKED "1\r\nx\r0\r\n\r\n" HIDDEN, "400 bad-chunk-end | closed"},
      {CHUNKED "1\r\nx0\r\n\r\n" HIDDEN, "400 bad-chunk-end | closed"},
      {CHUNKED "0\r\n\n" HIDDEN, "400 bare-lf | closed"},
      {CHUNKED "0\r\r\n\r\n" HIDDEN, "400 bad-chunk-size | closed"},
  });
}

TEST(RequestSmuggling, ChunkExtensions) {
  expect_nothing_hidden({
      // TERM.EXT and EXT.TERM: a line end of one reader inside the extension of another.
      {CHUNKED "2;\nxx\r\n22\r\n0\r\n\r\n" HIDDEN, "400 bare-lf | closed"},
      {CHUNKED "2;a\nxx\r\n0\r\n\r\n" HIDDEN, "400 bare-lf | closed"},
      {CHUNKED "2;a\rxx\r\n0\r\n\r\n" HIDDEN, "400 bad-chunk-extension | closed"},
      {CHUNKED "2;a=\"\r\nxx\r\n0\r\n\r\n" HIDDEN, "400 bad-chunk-extension | closed"},
      {CHUNKED "2;a=\"\nb\"\r\nxx\r\n0\r\n\r\n" HIDDEN, "400 bare-lf | closed"},
      {CHUNKED "2;\r\nxx\r\n0\r\n\r\n" HIDDEN, "400 bad-chunk-extension | closed"},
      {CHUNKED "2 ;a\r\nxx\r\n0\r\n\r\n" HIDDEN, "400 bad-chunk-size | closed"},
      {CHUNKED "2,a\r\nxx\r\n0\r\n\r\n" HIDDEN, "400 bad-chunk-size | closed"},
      {TEXT_WITH_NUL(CHUNKED "2;a\0\r\nxx\r\n0\r\n\r\n" HIDDEN), "400 bad-chunk-extension | closed"},
      {CHUNKED "21;a=\"0\\\"\"\r\n" HIDDEN "\r\n0\r\n\r\n", "POST /a 'GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n' | kept"},
  });
}

TEST(RequestSmuggling, Trailers) {
  expect_nothing_hidden({
      {CHUNKED "0\r\nContent-Length: 33\r\n\r\n" HIDDEN, "400 bad-trailer | closed"},
      {CHUNKED "0\r\nTransfer-Encoding: chunked\r\n\r\n" HIDDEN, "400 bad-trailer | closed"},
      {CHUNKED "0\r\nHost: i\r\n\r\n" HIDDEN, "400 bad-trailer | closed"},
      {CHUNKED "0\r\nGET /hidden HTTP/1.1\r\nHost: h\r\n\r\n", "400 bad-header | closed"},
      {CHUNKED "0\r\nX: y\n\n" HIDDEN, "400 bare-lf | closed"},
      {CHUNKED "0\r\n\r" HIDDEN, "400 bad-header | closed"},
  });
}

// ---- heads ----

TEST(RequestSmuggling, HeadsWithBareCrLfAndNul) {
  expect_nothing_hidden({
      {"GET /a HTTP/1.1\r\nHost: h\n\n" HIDDEN, "400 bare-lf | closed"},
      {"GET /a HTTP/1.1\r\nHost: h\r\n\n" HIDDEN, "400 bare-lf | closed"},
      {"GET /a HTTP/1.1\r\nHost: h\n\r\n" HIDDEN, "400 bare-lf | closed"},
      {"GET /a HTTP/1.1\r\nHost: h\r\rX: y\r\n\r\n" HIDDEN, "400 bare-cr | closed"},
      {"GET /a HTTP/1.1\r\nHost: h\r\n\r\r\n" HIDDEN, "400 bad-header | closed"},
      {TEXT_WITH_NUL("GET /a HTTP/1.1\r\nHost: h\0\r\n\r\n" HIDDEN), "400 bad-header-value | closed"},
      {TEXT_WITH_NUL("GET /a\0 HTTP/1.1\r\nHost: h\r\n\r\n" HIDDEN), "400 bad-target | closed"},
      {TEXT_WITH_NUL("\0GET /a HTTP/1.1\r\nHost: h\r\n\r\n" HIDDEN), "400 bad-method | closed"},
      {"GET /a HTTP/1.1\r\nX: y\r\n" HIDDEN, "400 bad-header | closed"},
      {"GET /a HTTP/1.1 HTTP/1.1\r\nHost: h\r\n\r\n" HIDDEN, "400 bad-target | closed"},
      {"GET /a\r\n" HIDDEN, "400 bad-request-line | closed"},
  });
}

TEST(RequestSmuggling, TwoHosts) {
  expect_nothing_hidden({
      {"GET /a HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n" HIDDEN, "400 duplicate-host | closed"},
      {"GET /a HTTP/1.1\r\nHost: h\r\n Host: i\r\n\r\n" HIDDEN, "400 obs-fold | closed"},
      {"GET /a HTTP/1.1\r\nHost : h\r\nHost: i\r\n\r\n" HIDDEN, "400 space-before-colon | closed"},
      {"GET /a HTTP/1.1\r\nHost: h,i\r\n\r\n" HIDDEN, "400 bad-host | closed"},
      {"GET /a HTTP/1.1\r\nHost: h i\r\n\r\n" HIDDEN, "400 bad-host | closed"},
      {"GET http://h@i/a HTTP/1.1\r\nHost: i\r\n\r\n" HIDDEN, "400 bad-target | closed"},
      {"GET http:///a HTTP/1.1\r\nHost: i\r\n\r\n" HIDDEN, "400 bad-target | closed"},
  });
}

// RFC 9112 §3.2.2: the target's authority goes before the Host. Handlers see both, and no part of ours routes by either.
TEST(RequestSmuggling, AbsoluteFormWithAnotherHostIsOneRequest) {
  EXPECT_EQ(judge("GET http://i/a HTTP/1.1\r\nHost: h\r\n\r\n"), "GET http://i/a | kept");
}

// ---- what follows a request ----

TEST(RequestSmuggling, WhatFollowsALengthOfZeroIsARequestOfItsOwn) {
  EXPECT_EQ(judge(POST_WITH("Content-Length: 0") "GET /b HTTP/1.1\r\nHost: h\r\n\r\n"), "POST /a | GET /b | kept");
  EXPECT_EQ(judge(POST_WITH("Content-Length: 0") "trailing garbage\r\n"), "POST /a | 400 bad-request-line | closed");
  EXPECT_EQ(judge(POST_WITH("Content-Length: 1") "xyz\r\n"), "POST /a 'x' | 400 bad-request-line | closed");
}

TEST(RequestSmuggling, NothingFollowsWhatIsUpgradedOrConnected) {
  expect_nothing_hidden({
      {"CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n" HIDDEN, "400 bad-target | closed"},
      // Only a connection's first bytes are HTTP/2's preface.
      {"GET /a HTTP/1.1\r\nHost: h\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" HIDDEN,
       "GET /a | 505 version-not-supported | closed"},
      {"GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" HIDDEN, "GET /a | closed"},
      {"GET /a HTTP/1.0\r\n\r\n" HIDDEN, "GET /a | closed"},
  });
  // Upgrade is not answered by 101, so what follows is HTTP/1.1 and not hidden (RFC 9110 §7.8).
  EXPECT_EQ(judge("GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                  "HTTP2-Settings: AAMAAABk\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
            "GET /a | GET /b | kept");
}

TEST(RequestSmuggling, AnUnreadBodyIsNeverTakenForARequest) {
  expect_nothing_hidden({
      {POST_WITH("Content-Length: 33") HIDDEN, "POST /a 'GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n' | kept"},
      {CHUNKED "21\r\n" HIDDEN "\r\n0\r\n\r\n", "POST /a 'GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n' | kept"},
      {"GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 33\r\n\r\n" HIDDEN,
       "GET /a 'GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n' | kept"},
      {POST_WITH("Expect: 100-continue\r\nContent-Length: 33") HIDDEN,
       "POST /a 'GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n' | kept"},
      {POST_WITH("Expect: 100-continue\r\nContent-Length: 33\r\nContent-Length: 0") HIDDEN,
       "400 duplicate-content-length | closed"},
      {POST_WITH("Expect: x\r\nContent-Length: 33") HIDDEN, "417 expectation-unknown | closed"},
  });
}

}  // namespace
}  // namespace sluice::http
