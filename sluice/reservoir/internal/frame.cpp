// SPDX-License-Identifier: MIT
//
// Integers are little-endian.
//
//   file    magic 8 | crc 4 | version 4 | journal 16 | first 8 | mark 8 | zero 16          crc: of all behind it
//   frame   mark 8 | crc 4 | length 4 | position 8 | synced_through 8 | received_at 8
//           | type 1 | kind 1 | key_count 2 | payload_length 4 | key * | payload | zero 0-7   crc: likewise, up to length
//   key     key 16 | content 32 | note_length 2 | note
//
// The padding is within length and crc, so there is no byte of which a change would pass unnoticed.
#include <sluice/reservoir/internal/frame.hpp>

#include <chrono>
#include <concepts>
#include <cstring>
#include <optional>
#include <string>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>
#include <sluice/base/digest.hpp>

namespace sluice::reservoir::internal {
namespace {

constexpr std::string_view kSegmentMagic = "sluicejn";
constexpr std::string_view kIdsMagic = "sluiceid";
constexpr std::size_t kMagicBytes = 8;
constexpr std::size_t kCrcAt = 8;     // in both: behind the magic, behind the mark
constexpr std::size_t kSummedAt = 12;  // what the crc covers begins here
constexpr std::size_t kKeyBytes = sizeof(Key) + sizeof(Sha256) + 2;  // without its note

std::string_view magic_of(FileKind kind) noexcept { return kind == FileKind::kSegment ? kSegmentMagic : kIdsMagic; }

std::size_t padded(std::size_t bytes) noexcept {
  return (bytes + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment;
}

std::int64_t micros(WallTime at) noexcept { return at.time_since_epoch().count(); }

template <std::unsigned_integral Integer>
std::byte* put(std::byte* at, Integer value) noexcept {
  store_little(at, value);
  return at + sizeof value;
}

std::byte* put(std::byte* at, std::span<const std::byte> bytes) noexcept {
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

/// How many bytes `count` keys take at the beginning of `bytes`; nothing if they do not fit.
std::optional<std::size_t> measure_keys(std::span<const std::byte> bytes, std::size_t count) noexcept {
  std::size_t at = 0;
  for (; count > 0; --count) {
    if (bytes.size() - at < kKeyBytes) return std::nullopt;
    at += kKeyBytes;
    auto note_bytes = load_little<std::uint16_t>(bytes.data() + at - 2);
    if (bytes.size() - at < note_bytes) return std::nullopt;
    at += note_bytes;
  }
  return at;
}

}  // namespace

std::array<std::byte, kFileHeaderBytes> encode(const FileHeader& header) noexcept {
  std::array<std::byte, kFileHeaderBytes> bytes{};
  std::byte* at = put(bytes.data(), as_bytes(magic_of(header.kind)));
  at = put(at + 4, kFormatVersion);  // the crc's place is filled last
  at = put(at, header.journal);
  at = put(at, header.first);
  put(at, header.mark);
  store_little(bytes.data() + kCrcAt, crc32c(std::span(bytes).subspan(kSummedAt)));
  return bytes;
}

Result<FileHeader> decode_header(std::span<const std::byte> bytes, FileKind kind) {
  if (bytes.size() < kFileHeaderBytes) return fail(Code::kDataLoss, "the header is cut short");
  bytes = bytes.first(kFileHeaderBytes);
  if (as_text(bytes.first(kMagicBytes)) != magic_of(kind)) return fail(Code::kDataLoss, "not a file of a journal");
  if (load_little<std::uint32_t>(bytes.data() + kCrcAt) != crc32c(bytes.subspan(kSummedAt)))
    return fail(Code::kDataLoss, "wrong checksum of the header");
  if (auto version = load_little<std::uint32_t>(bytes.data() + kSummedAt); version != kFormatVersion)
    return fail(Code::kUnimplemented, "format version " + std::to_string(version) + ", we know only " +
                                          std::to_string(kFormatVersion));
  FileHeader header{.kind = kind};
  std::memcpy(header.journal.data(), bytes.data() + 16, header.journal.size());
  header.first = load_little<std::uint64_t>(bytes.data() + 32);
  header.mark = load_little<std::uint64_t>(bytes.data() + 40);
  if (header.first == 0 || header.mark == 0) return fail(Code::kDataLoss, "an impossible header");
  return header;
}

std::size_t frame_bytes(std::span<const Candidate> keys, std::size_t payload_bytes) noexcept {
  std::size_t bytes = kFrameHeadBytes + payload_bytes;
  for (const Candidate& key : keys) bytes += kKeyBytes + key.note.size();
  return padded(bytes);
}

void append_frame(std::vector<std::byte>& to, Mark mark, const FrameHead& head, std::span<const Candidate> keys,
                  std::string_view payload) {
  const std::size_t length = frame_bytes(keys, payload.size());
  SLUICE_ASSERT(length <= kFrameBytesMax && keys.size() <= kKeysMax, "a frame is within its limits");
  const std::size_t begin = to.size();
  to.resize(begin + length);  // zeros, so the padding is there
  std::byte* const frame = to.data() + begin;
  std::byte* at = put(frame, mark) + 4;  // the crc's place is filled last
  at = put(at, static_cast<std::uint32_t>(length));
  at = put(at, head.position);
  at = put(at, head.synced_through);
  at = put(at, static_cast<std::uint64_t>(micros(head.received_at)));
  at = put(at, head.type);
  at = put(at, static_cast<std::uint8_t>(head.kind));
  at = put(at, static_cast<std::uint16_t>(keys.size()));
  at = put(at, static_cast<std::uint32_t>(payload.size()));
  for (const Candidate& key : keys) {
    SLUICE_ASSERT(key.note.size() <= kNoteBytesMax, "a note is within its limit");
    at = put(at, key.key);
    at = put(at, key.content);
    at = put(at, static_cast<std::uint16_t>(key.note.size()));
    at = put(at, as_bytes(key.note));
  }
  put(at, as_bytes(payload));
  store_little(frame + kCrcAt, crc32c(std::span(frame + kSummedAt, length - kSummedAt)));
}

std::vector<Candidate> FrameView::keys() const {
  std::vector<Candidate> keys(key_count_);
  const std::byte* at = keys_.data();
  for (Candidate& key : keys) {
    std::memcpy(key.key.data(), at, sizeof(Key));
    std::memcpy(key.content.data(), at + sizeof(Key), sizeof(Sha256));
    auto note_bytes = load_little<std::uint16_t>(at + kKeyBytes - 2);
    key.note = as_text(std::span(at + kKeyBytes, note_bytes));
    at += kKeyBytes + note_bytes;
  }
  return keys;
}

Record FrameView::to_record() const {
  Record record{.position = head.position,
                .received_at = head.received_at,
                .type = head.type,
                .payload = std::string(payload)};
  record.keys.reserve(key_count_);
  for (const Candidate& key : keys()) record.keys.push_back(key.key);
  return record;
}

std::expected<std::size_t, Flaw> claimed_bytes(std::span<const std::byte> head, Mark mark) noexcept {
  SLUICE_ASSERT(head.size() >= kFrameHeadBytes, "the head is there");
  if (load_little<std::uint64_t>(head.data()) != mark) return std::unexpected("no frame begins here");
  std::size_t length = load_little<std::uint32_t>(head.data() + kSummedAt);
  if (length < kFrameHeadBytes || length > kFrameBytesMax || length % kFrameAlignment != 0)
    return std::unexpected("an impossible length");
  return length;
}

Decoded decode_frame(std::span<const std::byte> bytes, Mark mark) {
  if (bytes.size() < kFrameHeadBytes) return std::unexpected("cut short");
  auto length = claimed_bytes(bytes, mark);
  if (!length) return std::unexpected(length.error());
  if (*length > bytes.size()) return std::unexpected("cut short");
  bytes = bytes.first(*length);
  const std::byte* const at = bytes.data();
  if (load_little<std::uint32_t>(at + kCrcAt) != crc32c(bytes.subspan(kSummedAt)))
    return std::unexpected("wrong checksum");

  // The checksum is right, so what follows fails only for what another program wrote.
  FrameView frame;
  frame.head = {.position = load_little<std::uint64_t>(at + 16),
                .synced_through = load_little<std::uint64_t>(at + 24),
                .received_at = WallTime(std::chrono::microseconds(
                    static_cast<std::int64_t>(load_little<std::uint64_t>(at + 32)))),
                .type = load_little<std::uint8_t>(at + 40),
                .kind = static_cast<FrameKind>(load_little<std::uint8_t>(at + 41))};
  if (frame.head.kind != FrameKind::kRecord && frame.head.kind != FrameKind::kEnd)
    return std::unexpected("an unknown kind of frame");
  frame.bytes = *length;
  frame.key_count_ = load_little<std::uint16_t>(at + 42);
  auto payload_bytes = load_little<std::uint32_t>(at + 44);
  auto body = bytes.subspan(kFrameHeadBytes);
  auto key_bytes = measure_keys(body, frame.key_count_);
  if (!key_bytes || padded(kFrameHeadBytes + *key_bytes + payload_bytes) != *length)
    return std::unexpected("its parts do not fill it");
  frame.keys_ = body.first(*key_bytes);
  frame.payload = as_text(body.subspan(*key_bytes, payload_bytes));
  return frame;
}

}  // namespace sluice::reservoir::internal
