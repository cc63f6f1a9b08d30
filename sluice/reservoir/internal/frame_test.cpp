// SPDX-License-Identifier: MIT
#include <sluice/reservoir/internal/frame.hpp>

#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>

namespace sluice::reservoir::internal {
namespace {

constexpr Mark kMark = 0x1122334455667788;

const std::vector<Candidate> kKeys = {{key_of({"report", "DEMO", "1"}), sha256(as_bytes("one")), "r_1"},
                                      {key_of({"report", "DEMO", "2"}), sha256(as_bytes("two")), ""}};
constexpr FrameHead kHead{.position = 7, .synced_through = 5, .received_at = WallTime(std::chrono::microseconds(-3)),
                          .type = 2};

std::vector<std::byte> encoded(std::string_view payload = "payload") {
  std::vector<std::byte> bytes;
  append_frame(bytes, kMark, kHead, kKeys, payload);
  return bytes;
}

TEST(Frame, IsReadAsItWasWritten) {
  auto bytes = encoded();
  EXPECT_EQ(bytes.size(), frame_bytes(kKeys, 7));
  EXPECT_EQ(bytes.size() % kFrameAlignment, 0U);
  bytes.resize(bytes.size() + 100, std::byte{0xff});  // what follows is none of its business
  auto frame = decode_frame(bytes, kMark);
  ASSERT_TRUE(frame) << frame.error();
  EXPECT_EQ(frame->head.position, 7U);
  EXPECT_EQ(frame->head.synced_through, 5U);
  EXPECT_EQ(frame->head.received_at, kHead.received_at);
  EXPECT_EQ(frame->head.type, 2);
  EXPECT_EQ(frame->head.kind, FrameKind::kRecord);
  EXPECT_EQ(frame->bytes, bytes.size() - 100);
  EXPECT_EQ(frame->payload, "payload");
  auto keys = frame->keys();
  ASSERT_EQ(keys.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(keys[i].key, kKeys[i].key);
    EXPECT_EQ(keys[i].content, kKeys[i].content);
    EXPECT_EQ(keys[i].note, kKeys[i].note);
  }
  EXPECT_EQ(frame->to_record().keys, (std::vector<Key>{kKeys[0].key, kKeys[1].key}));
}

TEST(Frame, TakesPayloadsOfAnyLength) {
  for (std::size_t length = 0; length < 20; ++length) {
    const std::string payload(length, 'x');
    auto bytes = encoded(payload);
    auto frame = decode_frame(bytes, kMark);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->payload, payload);
  }
}

TEST(Frame, NoBitChangesUnnoticed) {
  const auto bytes = encoded();
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto damaged = bytes;
    damaged[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    EXPECT_FALSE(decode_frame(damaged, kMark)) << "bit " << bit;
  }
}

TEST(Frame, IsNotWholeAtAnyShorterLength) {
  const auto bytes = encoded();
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(decode_frame(std::span(bytes).first(length), kMark)) << length;
}

TEST(Frame, OfAnotherFileIsNone) { EXPECT_FALSE(decode_frame(encoded(), kMark + 1)); }

TEST(Frame, LengthIsJudgedBeforeAnythingIsAllocated) {
  auto with_length = [](std::uint32_t length) {
    auto bytes = encoded();
    store_little(bytes.data() + 12, length);
    return claimed_bytes(bytes, kMark).has_value();
  };
  EXPECT_FALSE(with_length(0));
  EXPECT_FALSE(with_length(kFrameHeadBytes - 8));
  EXPECT_TRUE(with_length(kFrameHeadBytes));
  EXPECT_FALSE(with_length(kFrameHeadBytes + 1));
  EXPECT_TRUE(with_length(kFrameBytesMax));
  EXPECT_FALSE(with_length(kFrameBytesMax + 8));
  EXPECT_FALSE(with_length(0xffff'fff8));
}

// What a program with a bug could write: the checksum is right, the parts are not.
TEST(Frame, PartsThatDoNotFillItAreRefused) {
  auto with = [](std::size_t at, auto value) {
    auto bytes = encoded();
    store_little(bytes.data() + at, value);
    store_little(bytes.data() + 8, crc32c(std::span(bytes).subspan(12)));
    return decode_frame(bytes, kMark).has_value();
  };
  EXPECT_TRUE(with(42, std::uint16_t{2}));
  EXPECT_FALSE(with(42, std::uint16_t{1}));
  EXPECT_FALSE(with(42, std::uint16_t{0xffff}));   // more keys than there are bytes
  EXPECT_FALSE(with(44, std::uint32_t{0}));
  EXPECT_FALSE(with(44, std::uint32_t{0xffff'ffff}));
  EXPECT_FALSE(with(48 + 48, std::uint16_t{0xffff}));  // a note beyond the end
  EXPECT_FALSE(with(41, std::uint8_t{2}));  // no such kind
}

TEST(FileHeader, IsReadAsItWasWritten) {
  FileHeader header{.kind = FileKind::kIds, .first = 58, .mark = kMark};
  header.journal.fill(std::byte{0xab});
  auto decoded = decode_header(encode(header), FileKind::kIds);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, header);
  EXPECT_FALSE(decode_header(encode(header), FileKind::kSegment));
}

TEST(FileHeader, NoBitChangesUnnoticedAndNoneMayBeMissing) {
  const auto bytes = encode(FileHeader{.mark = kMark});
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto damaged = bytes;
    damaged[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    EXPECT_FALSE(decode_header(damaged, FileKind::kSegment)) << "bit " << bit;
  }
  EXPECT_FALSE(decode_header(std::span(bytes).first(bytes.size() - 1), FileKind::kSegment));
}

TEST(FileHeader, OfALaterVersionIsRefusedAsSuch) {
  auto bytes = encode(FileHeader{.mark = kMark});
  store_little(bytes.data() + 12, kFormatVersion + 1);
  store_little(bytes.data() + 8, crc32c(std::span(bytes).subspan(12)));
  auto decoded = decode_header(bytes, FileKind::kSegment);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code(), Code::kUnimplemented);
}

// The lines "000001a0  73 6c …" of the document's example, in order.
std::string example_of_document() {
  std::ifstream file(std::string(SLUICE_SOURCE_DIR) + "/docs/formats/journal.md");
  std::string hex;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string offset, digits;
    if (!(words >> offset) || offset.size() != 8 || offset.find_first_not_of("0123456789abcdef") != offset.npos) continue;
    while (words >> digits && digits.size() == 2) hex += digits;
  }
  return from_hex(hex).value_or("");
}

TEST(JournalFormat, DocumentsExampleIsWhatWeWrite) {
  FileHeader header{.first = 1, .mark = 0x8877665544332211};
  for (std::size_t i = 0; i < header.journal.size(); ++i) header.journal[i] = static_cast<std::byte>(i);
  std::vector<std::byte> bytes;
  for (std::byte byte : encode(header)) bytes.push_back(byte);
  const std::vector<Candidate> keys = {{key_of({"report", "DEMO", "6d0f"}), sha256(as_bytes("hello")), "r_9f2c"}};
  append_frame(bytes, header.mark,
               {.position = 1, .received_at = WallTime(std::chrono::microseconds(1'700'000'000'000'000)), .type = 2}, keys,
               "hello");
  append_frame(bytes, header.mark, {.position = 2, .synced_through = 1, .kind = FrameKind::kEnd}, {}, {});
  EXPECT_EQ(to_hex(bytes), to_hex(as_bytes(example_of_document())));
}

}  // namespace
}  // namespace sluice::reservoir::internal
