// SPDX-License-Identifier: MIT
#include <sluice/observe/internal/json_line.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>
#include <sluice/observe/internal/utf8.hpp>

namespace sluice::observe::internal {
namespace {

// As Go's encoding/json writes them.
constexpr std::string_view kReplacement = "\\ufffd";

bool is_plain(char c) noexcept {
  auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

/// Whether all eight characters of a word are plain. Nearly all text is, and a record is mostly text.
/// Source: "Determine if a word has a byte less than n", S. E. Anderson, Bit Twiddling Hacks.
bool all_plain(std::uint64_t word) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHighs = kOnes << 7;
  auto has_below = [](std::uint64_t bytes, std::uint64_t limit) { return (bytes - kOnes * limit) & ~bytes & kHighs; };
  return ((word & kHighs) | has_below(word, 0x20) | has_below(word ^ kOnes * '"', 1) |
          has_below(word ^ kOnes * '\\', 1)) == 0;
}

std::size_t plain_length(std::string_view text) noexcept {
  std::size_t length = 0;
  const std::byte* bytes = as_bytes(text).data();
  while (text.size() - length >= 8 && all_plain(load_little<std::uint64_t>(bytes + length))) length += 8;
  while (length < text.size() && is_plain(text[length])) ++length;
  return length;
}

/// How one character is written: as it is, or as an escape kept in `room`.
std::string_view escape(std::string_view character, std::array<char, 6>& room) noexcept {
  switch (character[0]) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: break;
  }
  // Some readers of JSON take these two for ends of lines.
  if (character == "\u2028") return "\\u2028";
  if (character == "\u2029") return "\\u2029";
  auto byte = static_cast<unsigned char>(character[0]);
  if (byte >= 0x20) return character;
  constexpr std::string_view kDigits = "0123456789abcdef";
  room = {'\\', 'u', '0', '0', kDigits[byte >> 4], kDigits[byte & 15]};
  return {room.data(), room.size()};
}

struct Piece {
  std::size_t read;          // bytes of the text that it stands for
  std::string_view written;  // in the text or in the room handed in
  bool divisible;            // may be cut anywhere
};

/// What comes next: as many plain characters as there are, or one that is not plain. Requires: text is not empty.
Piece next_piece(std::string_view text, std::array<char, 6>& room) noexcept {
  if (std::size_t plain = plain_length(text); plain > 0) return {plain, text.substr(0, plain), true};
  std::size_t length = utf8_length(text);
  if (length == 0) return {1, kReplacement, false};
  return {length, escape(text.substr(0, length), room), false};
}

}  // namespace

void JsonLine::add_key(std::string_view key, std::size_t bytes_max) noexcept {
  append(size_ > 1 ? ",\"" : "\"");
  append_escaped(key, bytes_max);
  append("\":");
}

void JsonLine::add_text(std::string_view text, std::size_t bytes_max) noexcept {
  append("\"");
  append_escaped(text, bytes_max);
  append("\"");
}

template <std::integral Integer>
void JsonLine::add_number(Integer number) noexcept {
  char digits[20];  // -9223372036854775808
  auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  append({digits, end});
}
template void JsonLine::add_number(std::int64_t) noexcept;
template void JsonLine::add_number(std::uint64_t) noexcept;

void JsonLine::add_number(double number) noexcept {
  if (!std::isfinite(number)) return add_text(std::isnan(number) ? "NaN" : number > 0 ? "+Inf" : "-Inf", 4);
  char digits[32];  // the longest double takes 24
  auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  append({digits, end});
}

std::string_view JsonLine::finish() noexcept {
  append("}\n");
  return {buffer_.data(), size_};
}

void JsonLine::append(std::string_view bytes) noexcept {
  SLUICE_ASSERT(bytes.size() <= kBytesMax - size_, "the limits of all parts fit into a line");
  std::memcpy(buffer_.data() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

void JsonLine::append_escaped(std::string_view text, std::size_t bytes_max) noexcept {
  const std::size_t end = size_ + bytes_max;
  while (!text.empty()) {
    std::array<char, 6> room;
    Piece piece = next_piece(text, room);
    if (piece.written.size() > end - size_) {
      if (piece.divisible) append(piece.written.substr(0, end - size_));
      cut_ = true;
      return;
    }
    append(piece.written);
    text.remove_prefix(piece.read);
  }
}

}  // namespace sluice::observe::internal
