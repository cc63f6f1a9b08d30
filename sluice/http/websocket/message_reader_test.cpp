// SPDX-License-Identifier: MIT
//
// RFC 6455 §5.4 (fragmentation), §5.5 (control frames), §5.6 and §8.1 (text), §7.4 (close codes), §10.4 (limits). What a
// line of the tables says is understood whole, split in two at every byte, and byte by byte.
#include <sluice/http/websocket/message_reader.hpp>

#include <string>

#include <malloc.h>

#include <gtest/gtest.h>

#include <sluice/http/websocket/websocket_test.hpp>

namespace sluice::http::websocket {
namespace {

constexpr std::size_t kLimit = 300;  // of a message

struct Case {
  const char* section;
  std::string bytes;
  std::string understood;
};

void expect_understood(const Case& each) {
  SCOPED_TRACE(each.section);
  EXPECT_EQ(understood(Side::kServer, each.bytes, kLimit), each.understood);
  Transcript bytewise(Side::kServer, kLimit);
  for (char byte : each.bytes) bytewise.feed({&byte, 1});
  EXPECT_EQ(bytewise.told(), each.understood);
  for (std::size_t at = 1; at < each.bytes.size(); ++at) {
    Transcript halves(Side::kServer, kLimit);
    halves.feed(std::string_view(each.bytes).substr(0, at));
    halves.feed(std::string_view(each.bytes).substr(at));
    ASSERT_EQ(halves.told(), each.understood) << "split at " << at;
  }
}

TEST(MessageReader, UnderstandsMessagesAndFragments) {
  const std::string middle(125, 'm'), large(kLimit, 'l');
  const Case table[] = {
      {"5.6 a text", text("Hello"), "text(Hello)"},
      {"5.6 an empty text", text(""), "text()"},
      {"5.6 binary is not looked at", binary("\xFF\xFE"), "binary(\xFF\xFE)"},
      {"5.2 each form of the length", text(middle) + text(middle + "m") + binary(large),
       "text(" + middle + ") text(" + middle + "m) binary(" + large + ")"},
      {"5.4 two fragments", begin_text("Hel") + last("lo"), "text(Hello)"},
      {"5.4 many fragments, empty ones among them", begin_text("") + more("a") + more("") + more("b") + last(""), "text(ab)"},
      {"5.4 only empty fragments", begin_text("") + more("") + last(""), "text()"},
      {"5.4 binary fragments", frame(Side::kClient, Opcode::kBinary, "\xCE", false) + last("\xCE"), "binary(\xCE\xCE)"},
      {"5.4 control frames between fragments", begin_text("a") + ping("1") + more("b") + pong("2") + ping("") + last("c"),
       "ping(1) pong(2) ping() text(abc)"},
      {"5.4 a Close between fragments", begin_text("a") + close_frame(1000), "close(1000,)"},
      {"5.4 messages one behind the other", text("a") + binary("b") + begin_text("c") + last("d") + text("e"),
       "text(a) binary(b) text(cd) text(e)"},
      {"5.4 a continuation of nothing", last("x"), "!lone-continuation"},
      {"5.4 a continuation behind a message", text("a") + last("x"), "text(a) !lone-continuation"},
      {"5.4 a continuation behind a last fragment", begin_text("a") + last("b") + more("c"), "text(ab) !lone-continuation"},
      {"5.4 a text within a message", begin_text("a") + text("b"), "!interrupted-message"},
      {"5.4 a binary within a message", begin_text("a") + ping("") + binary("b"), "ping() !interrupted-message"},
      {"5.4 a first fragment within a message", begin_text("a") + begin_text("b"), "!interrupted-message"},
  };
  for (const Case& each : table) expect_understood(each);
}

TEST(MessageReader, UnderstandsControlFrames) {
  const std::string longest(kControlPayloadMax, 'p');
  const Case table[] = {
      {"5.5.2 a ping", ping("Hello"), "ping(Hello)"},
      {"5.5.2 a ping without a payload", ping(""), "ping()"},
      {"5.5.2 a ping of bytes that are no text", ping("\xFF"), "ping(\xFF)"},
      {"5.5.2 the longest ping", ping(longest), "ping(" + longest + ")"},
      {"5.5.3 a pong that nobody asked for", pong("x") + text("y"), "pong(x) text(y)"},
      {"5.5 a ping that is too long", ping(longest + "p"), "!long-control"},
      {"5.5 a ping in fragments", frame(Side::kClient, Opcode::kPing, "x", false), "!fragmented-control"},
      {"5.5.1 nothing counts behind a Close", close_frame(1000) + text("late"), "close(1000,)"},
  };
  for (const Case& each : table) expect_understood(each);
}

TEST(MessageReader, RefusesTextThatIsNotUtf8WhereverItIsSplit) {
  const std::string kappa = "\xCE\xBA", smile = "\xF0\x9F\x98\x80";
  const Case table[] = {
      {"8.1 a character in two fragments", begin_text("\xCE") + last("\xBA"), "text(" + kappa + ")"},
      {"8.1 a character in four fragments", begin_text("\xF0") + more("\x9F") + ping("") + more("\x98") + last("\x80"),
       "ping() text(" + smile + ")"},
      {"8.1 an empty fragment within a character", begin_text("\xCE") + more("") + last("\xBA"), "text(" + kappa + ")"},
      {"8.1 a text that ends within a character", text("a\xCE"), "!bad-utf8"},
      {"8.1 a last fragment that ends within a character", begin_text("a") + last("\xF0\x9F\x98"), "!bad-utf8"},
      {"8.1 a message does not go on with another one's character", begin_text("\xCE") + last("") + text("\xBA"), "!bad-utf8"},
      {"8.1 an overlong over the border", begin_text("\xE0") + last("\x80\x80"), "!bad-utf8"},
      {"8.1 a surrogate over the border", begin_text("\xED") + last("\xA0\x80"), "!bad-utf8"},
      {"8.1 above U+10FFFF over the border", begin_text("\xF4") + last("\x90\x80\x80"), "!bad-utf8"},
      {"8.1 a lead where a continuation must be", begin_text("\xE2\x82") + last("\xCE\xBA"), "!bad-utf8"},
      {"8.1 said before the message ends", begin_text("a\xFF"), "!bad-utf8"},
      {"8.1 said before the frame ends", text("a\xFF" + std::string(100, 'b')).substr(0, 8), "!bad-utf8"},
      {"8.1 each message anew", text(kappa) + binary("\xCE") + text(kappa),
       "text(" + kappa + ") binary(\xCE) text(" + kappa + ")"},
  };
  for (const Case& each : table) expect_understood(each);
}

TEST(MessageReader, TakesTheCloseCodesThatMayBeSentAndNoOthers) {
  const std::string longest(kControlPayloadMax - 2, 'r');
  std::vector<Case> table = {
      {"7.1.5 a Close without a code", frame(Side::kClient, Opcode::kClose, ""), "close(1005,)"},
      {"5.5.1 a Close of one byte", frame(Side::kClient, Opcode::kClose, "\x03"), "!bad-close"},
      {"7.1.6 a reason", close_frame(1000, "bye"), "close(1000,bye)"},
      {"7.1.6 the longest reason", close_frame(4999, longest), "close(4999," + longest + ")"},
      {"5.5 a reason that is too long", close_frame(1000, longest + "r"), "!long-control"},
      {"5.5.1 a reason that is no text", close_frame(1000, "\xFF"), "!bad-utf8"},
      {"5.5.1 a reason that ends within a character", close_frame(1000, "\xCE"), "!bad-utf8"},
  };
  for (unsigned code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999})
    table.push_back({"7.4.1, 7.4.2 a code", close_frame(code), "close(" + std::to_string(code) + ",)"});
  for (unsigned code : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535})
    table.push_back({"7.4.1, 7.4.2 a code that nobody may send", close_frame(code), "!bad-close"});
  for (const Case& each : table) {
    SCOPED_TRACE(each.understood);
    expect_understood(each);
  }
}

TEST(MessageReader, LimitsAMessageAsSoonAsItIsAnnounced) {
  const std::string most(kLimit, 'x');
  const Case table[] = {
      {"10.4 a message at the limit", text(most), "text(" + most + ")"},
      {"10.4 one above it, by its header alone", text(most + "x").substr(0, 8), "!too-large"},
      {"10.4 fragments at the limit", begin_text(most.substr(1)) + more("") + last("x"), "text(" + most + ")"},
      {"10.4 fragments above it", begin_text(most) + last("x"), "!too-large"},
      {"10.4 each message anew", text(most) + text(most), "text(" + most + ") text(" + most + ")"},
      {"5.2 the largest length that there is",
       std::string("\x82\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF" "1234", 14), "!too-large"},
  };
  for (const Case& each : table) expect_understood(each);
}

TEST(MessageReader, TakesMemoryAsItComesAndNotAsAnnounced) {
  constexpr std::size_t kAnnounced = std::size_t{1} << 30;
  Transcript transcript(Side::kServer, kAnnounced);
  std::string header;
  append_header(header, {.opcode = Opcode::kBinary, .length = kAnnounced, .mask = kTestMask});
  std::size_t before = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  transcript.feed(header);
  transcript.feed(std::string(100'000, 'x'));
  std::size_t after = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  EXPECT_EQ(transcript.reader().bytes_held(), 100'000U);
  EXPECT_LT(after - before, 1'000'000U);
}

TEST(MessageReader, ReadsWhatAServerSends) {
  EXPECT_EQ(understood(Side::kClient, frame(Side::kServer, Opcode::kText, "hi") + close_frame(1001, "", Side::kServer)),
            "text(hi) close(1001,)");
  EXPECT_EQ(understood(Side::kClient, text("hi")), "!masked-frame");
  EXPECT_EQ(understood(Side::kServer, frame(Side::kServer, Opcode::kText, "hi")), "!unmasked-frame");
}

TEST(CloseCode, SaysWhyWeBreakOff) {
  auto code = [](const char* reason) { return close_code_of(Error(Code::kInvalidArgument).because(reason)); };
  EXPECT_EQ(code("too-large"), CloseCode::kTooBig);
  EXPECT_EQ(code("bad-utf8"), CloseCode::kBadPayload);
  EXPECT_EQ(code("overloaded"), CloseCode::kTryAgainLater);
  EXPECT_EQ(code("reserved-bits"), CloseCode::kProtocolError);
}

}  // namespace
}  // namespace sluice::http::websocket
