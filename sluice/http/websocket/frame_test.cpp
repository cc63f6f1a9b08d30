// SPDX-License-Identifier: MIT
//
// RFC 6455 §5.2, the base framing, and §5.3, masking.
#include <sluice/http/websocket/frame.hpp>

#include <string>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>
#include <sluice/http/websocket/websocket_test.hpp>

namespace sluice::http::websocket {
namespace {

std::string bytes(std::string_view hex) { return from_hex(hex).value(); }

struct Refused {
  const char* section;
  Side side;
  const char* hex;
  const char* reason;
};

TEST(Frame, RefusesHeadersThatTheRfcForbids) {
  const Refused table[] = {
      {"5.2 RSV1 without an extension", Side::kServer, "c18037fa213d", "reserved-bits"},
      {"5.2 RSV2", Side::kServer, "a18037fa213d", "reserved-bits"},
      {"5.2 RSV3", Side::kServer, "918037fa213d", "reserved-bits"},
      {"5.2 RSV on a control frame", Side::kServer, "c98037fa213d", "reserved-bits"},
      {"5.2 opcode 3", Side::kServer, "838037fa213d", "reserved-opcode"},
      {"5.2 opcode 4", Side::kServer, "848037fa213d", "reserved-opcode"},
      {"5.2 opcode 5", Side::kServer, "858037fa213d", "reserved-opcode"},
      {"5.2 opcode 6", Side::kServer, "868037fa213d", "reserved-opcode"},
      {"5.2 opcode 7", Side::kServer, "878037fa213d", "reserved-opcode"},
      {"5.2 opcode 11", Side::kServer, "8b8037fa213d", "reserved-opcode"},
      {"5.2 opcode 12", Side::kServer, "8c8037fa213d", "reserved-opcode"},
      {"5.2 opcode 13", Side::kServer, "8d8037fa213d", "reserved-opcode"},
      {"5.2 opcode 14", Side::kServer, "8e8037fa213d", "reserved-opcode"},
      {"5.2 opcode 15", Side::kServer, "8f8037fa213d", "reserved-opcode"},
      {"5.1 a client does not mask", Side::kServer, "8100", "unmasked-frame"},
      {"5.1 a client does not mask a control frame", Side::kServer, "8900", "unmasked-frame"},
      {"5.1 a server masks", Side::kClient, "818037fa213d", "masked-frame"},
      {"5.5 a ping in fragments", Side::kClient, "0900", "fragmented-control"},
      {"5.5 a pong in fragments", Side::kClient, "0a00", "fragmented-control"},
      {"5.5 a Close in fragments", Side::kClient, "0800", "fragmented-control"},
      {"5.5 a ping of 126 bytes", Side::kClient, "897e007e", "long-control"},
      {"5.5 a Close of 64 KiB", Side::kClient, "887f0000000000010000", "long-control"},
      {"5.2 125 in two bytes of length", Side::kClient, "827e007d", "bad-length"},
      {"5.2 0 in two bytes of length", Side::kClient, "827e0000", "bad-length"},
      {"5.2 65535 in eight bytes of length", Side::kClient, "827f000000000000ffff", "bad-length"},
      {"5.2 the highest bit of a length", Side::kClient, "827f8000000000010000", "bad-length"},
  };
  for (const Refused& each : table) {
    SCOPED_TRACE(each.section);
    std::string input = bytes(each.hex);
    auto step = parse_header(input, each.side);
    ASSERT_FALSE(step);
    EXPECT_EQ(step.error().reason(), each.reason);
    EXPECT_EQ(step.error().code(), Code::kInvalidArgument);
    // However it is split, it is never taken for something else.
    for (std::size_t size = 0; size < input.size(); ++size) {
      auto part = parse_header(input.substr(0, size), each.side);
      EXPECT_TRUE(part ? part->consumed == 0 : part.error().reason() == each.reason) << size;
    }
  }
}

struct Good {
  const char* section;
  const char* hex;
  FrameHeader header;
};

TEST(Frame, ReadsAndWritesTheSameHeaders) {
  const Good table[] = {
      {"5.7 an unmasked text of 5 bytes", "8105", {true, Opcode::kText, 5}},
      {"5.7 a masked text of 5 bytes", "818537fa213d", {true, Opcode::kText, 5, kTestMask}},
      {"5.7 a first fragment", "0103", {false, Opcode::kText, 3}},
      {"5.7 the last one", "8002", {true, Opcode::kContinuation, 2}},
      {"5.7 a ping", "8905", {true, Opcode::kPing, 5}},
      {"5.7 a masked pong", "8a8537fa213d", {true, Opcode::kPong, 5, kTestMask}},
      {"5.7 256 bytes", "827e0100", {true, Opcode::kBinary, 256}},
      {"5.7 64 KiB", "827f0000000000010000", {true, Opcode::kBinary, 65536}},
      {"5.2 an empty text", "8100", {true, Opcode::kText, 0}},
      {"5.2 125, the last short length", "827d", {true, Opcode::kBinary, 125}},
      {"5.2 126, the first of two bytes", "827e007e", {true, Opcode::kBinary, 126}},
      {"5.2 65535, the last of two bytes", "82feffff37fa213d", {true, Opcode::kBinary, 65535, kTestMask}},
      {"5.2 the largest", "82ff7fffffffffffffff37fa213d", {true, Opcode::kBinary, ~std::uint64_t{0} >> 1, kTestMask}},
      {"5.5 a Close of 125 bytes", "887d", {true, Opcode::kClose, 125}},
  };
  for (const Good& each : table) {
    SCOPED_TRACE(each.section);
    std::string input = bytes(each.hex);
    Side reader = each.header.mask ? Side::kServer : Side::kClient;
    auto step = parse_header(input + "payload", reader);
    ASSERT_TRUE(step) << step.error().describe();
    EXPECT_EQ(step->consumed, input.size());
    EXPECT_TRUE(step->header == each.header);
    for (std::size_t size = 0; size < input.size(); ++size) {
      auto part = parse_header(input.substr(0, size), reader);
      EXPECT_TRUE(part && part->consumed == 0) << size;
    }
    std::string output;
    append_header(output, each.header);
    EXPECT_EQ(to_hex(as_bytes(output)), each.hex);
  }
}

TEST(Frame, MasksAsTheExampleInSection5_7) {
  EXPECT_EQ(to_hex(as_bytes(text("Hello"))), "818537fa213d7f9f4d5158");
}

TEST(Frame, MasksTheSameWhateverPieceItIsGiven) {
  std::string plain;
  for (int i = 0; i < 41; ++i) plain.push_back(static_cast<char>(i * 7));
  std::string expected = plain;
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<char>(expected[i] ^ kTestMask[i % 4]);
  for (std::size_t first = 0; first <= plain.size(); ++first) {
    std::string masked = plain;
    apply_mask(masked.data(), first, kTestMask, 0);
    apply_mask(masked.data() + first, masked.size() - first, kTestMask, first);
    EXPECT_EQ(masked, expected) << first;
  }
}

}  // namespace
}  // namespace sluice::http::websocket
