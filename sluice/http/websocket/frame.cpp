// SPDX-License-Identifier: MIT
//
//   byte 0         FIN 1 bit, RSV 3 bits, opcode 4 bits
//   byte 1         MASK 1 bit, length 7 bits: 0 to 125; 126: it stands in the next 2 bytes; 127: in the next 8; big-endian
//   4 bytes        the key, if MASK
//   length bytes   the payload
#include <sluice/http/websocket/frame.hpp>

#include <cstring>

#include <sluice/base/assert.hpp>
#include <sluice/http/internal/h1_lines.hpp>

namespace sluice::http::websocket {
namespace {

constexpr std::uint8_t kFinal = 0x80;
constexpr std::uint8_t kReserved = 0x70;
constexpr std::uint8_t kOpcode = 0x0F;
constexpr std::uint8_t kMasked = 0x80;
constexpr std::uint8_t kLength = 0x7F;
constexpr std::uint8_t kTwoBytes = 126;
constexpr std::uint8_t kEightBytes = 127;

std::uint8_t byte_at(std::string_view input, std::size_t at) noexcept { return static_cast<std::uint8_t>(input[at]); }

std::uint64_t load_big(std::string_view bytes) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) value = value << 8 | byte_at(bytes, i);
  return value;
}

void append_big(std::string& out, std::uint64_t value, std::size_t bytes) {
  while (bytes-- > 0) out.push_back(static_cast<char>(value >> (8 * bytes) & 0xFF));
}

bool is_known(std::uint8_t opcode) noexcept { return opcode <= 0x2 || (opcode >= 0x8 && opcode <= 0xA); }

// What the first two bytes say that is wrong whatever follows; null if nothing is.
const char* fault_of(std::uint8_t first, std::uint8_t second, Side side) noexcept {
  std::uint8_t opcode = first & kOpcode;
  bool is_masked = (second & kMasked) != 0;
  if ((first & kReserved) != 0) return "reserved-bits";
  if (!is_known(opcode)) return "reserved-opcode";
  if (!is_masked && side == Side::kServer) return "unmasked-frame";
  if (is_masked && side == Side::kClient) return "masked-frame";
  if (!is_control(Opcode(opcode))) return nullptr;
  if ((first & kFinal) == 0) return "fragmented-control";
  return (second & kLength) > kControlPayloadMax ? "long-control" : nullptr;
}

std::size_t length_bytes(std::uint8_t short_length) noexcept {
  return short_length == kTwoBytes ? 2 : short_length == kEightBytes ? 8 : 0;
}

// The shortest form is the only one (RFC 6455 §5.2), and no length has the highest bit.
bool is_good_length(std::uint64_t length, std::size_t bytes) noexcept {
  if (bytes == 2) return length >= kTwoBytes;
  return bytes == 0 || (length > 0xFFFF && length >> 63 == 0);
}

}  // namespace

Result<HeaderStep> parse_header(std::string_view input, Side side) {
  if (input.size() < 2) return HeaderStep{};
  std::uint8_t first = byte_at(input, 0), second = byte_at(input, 1);
  if (const char* fault = fault_of(first, second, side)) return internal::malformed(fault);

  HeaderStep step;
  step.header.is_final = (first & kFinal) != 0;
  step.header.opcode = Opcode(first & kOpcode);
  std::size_t extended = length_bytes(second & kLength);
  if (input.size() < 2 + extended) return HeaderStep{};
  step.header.length = extended == 0 ? second & kLength : load_big(input.substr(2, extended));
  if (!is_good_length(step.header.length, extended)) return internal::malformed("bad-length");

  std::size_t size = 2 + extended;
  if ((second & kMasked) != 0) {
    MaskKey& key = step.header.mask.emplace();
    if (input.size() < size + key.size()) return HeaderStep{};
    std::memcpy(key.data(), input.data() + size, key.size());
    size += key.size();
  }
  step.consumed = size;
  return step;
}

void append_header(std::string& out, const FrameHeader& header) {
  SLUICE_ASSERT(header.length >> 63 == 0, "a length has 63 bits");
  auto first = static_cast<std::uint8_t>((header.is_final ? kFinal : 0) | static_cast<std::uint8_t>(header.opcode));
  std::uint8_t masked = header.mask ? kMasked : 0;
  out.push_back(static_cast<char>(first));
  if (header.length < kTwoBytes) {
    out.push_back(static_cast<char>(masked | header.length));
  } else if (header.length <= 0xFFFF) {
    out.push_back(static_cast<char>(masked | kTwoBytes));
    append_big(out, header.length, 2);
  } else {
    out.push_back(static_cast<char>(masked | kEightBytes));
    append_big(out, header.length, 8);
  }
  if (header.mask) out.append(reinterpret_cast<const char*>(header.mask->data()), header.mask->size());
}

void apply_mask(char* bytes, std::size_t count, const MaskKey& key, std::uint64_t offset) noexcept {
  // A word of the key, turned so that it fits the first byte, serves all words behind it: 8 is a multiple of 4.
  std::array<char, 8> turned;
  for (std::size_t i = 0; i < turned.size(); ++i) turned[i] = static_cast<char>(key[(offset + i) % key.size()]);
  std::uint64_t pattern;
  std::memcpy(&pattern, turned.data(), sizeof pattern);
  std::size_t at = 0;
  for (std::uint64_t word; count - at >= sizeof word; at += sizeof word) {
    std::memcpy(&word, bytes + at, sizeof word);
    word ^= pattern;
    std::memcpy(bytes + at, &word, sizeof word);
  }
  for (std::size_t i = 0; at < count; ++at, ++i) bytes[at] = static_cast<char>(bytes[at] ^ turned[i]);
}

}  // namespace sluice::http::websocket
