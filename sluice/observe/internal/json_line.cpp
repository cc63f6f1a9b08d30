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

/// Copies the plain characters that the text begins with; how many. Copied while they are looked at, eight at a time: most
/// keys and values are shorter than what a call of memcpy costs. What is left over in the end is looked at together with some
/// of what was before.
std::size_t copy_plain(std::string_view text, char* to) noexcept {
  const std::size_t size = text.size();
  std::size_t length = 0;
  const std::byte* bytes = as_bytes(text).data();
  for (; size - length >= 8; length += 8) {
    auto word = load_little<std::uint64_t>(bytes + length);
    if (!all_plain(word)) break;
    std::memcpy(to + length, bytes + length, 8);
  }
  if (size >= 8 && size - length < 8 && all_plain(load_little<std::uint64_t>(bytes + size - 8))) {
    std::memcpy(to + size - 8, bytes + size - 8, 8);
    return size;
  }
  if (size >= 4 && size < 8) {
    std::uint64_t word = load_little<std::uint32_t>(bytes) | std::uint64_t{load_little<std::uint32_t>(bytes + size - 4)} << 32;
    if (all_plain(word)) {
      std::memcpy(to, bytes, 4);
      std::memcpy(to + size - 4, bytes + size - 4, 4);
      return size;
    }
  }
  for (; length < text.size() && is_plain(text[length]); ++length) to[length] = text[length];
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
};

/// The next character, which is not plain. Requires: text is not empty.
Piece next_piece(std::string_view text, std::array<char, 6>& room) noexcept {
  std::size_t length = utf8_length(text);
  if (length == 0) return {1, kReplacement};
  return {length, escape(text.substr(0, length), room)};
}

}  // namespace

void JsonLine::add_key(std::string_view key, std::size_t bytes_max) noexcept {
  constexpr std::size_t kAround = 4;  // ,"":
  SLUICE_ASSERT(bytes_max + kAround <= kBytesMax - size_, "the limits of all parts fit into a line");
  char* at = buffer_.data() + size_;
  if (size_ > 1) *at++ = ',';
  *at++ = '"';
  size_ = static_cast<std::size_t>(at - buffer_.data());
  // Nearly all are plain and short enough; so there is one look at them, and nothing else.
  std::size_t plain = key.size() <= bytes_max ? copy_plain(key, at) : 0;
  if (plain == key.size()) {
    size_ += plain;
  } else {
    append_escaped(key, bytes_max);
  }
  buffer_[size_++] = '"';
  buffer_[size_++] = ':';
}

void JsonLine::add_text(std::string_view text, std::size_t bytes_max) noexcept {
  append('"');
  append_escaped(text, bytes_max);
  append('"');
}

void JsonLine::add_plain_text(std::string_view text) noexcept {
  SLUICE_ASSERT(text.size() + 2 <= kBytesMax - size_, "the limits of all parts fit into a line");
  char* at = buffer_.data() + size_;
  *at++ = '"';
  std::memcpy(at, text.data(), text.size());
  at[text.size()] = '"';
  size_ += text.size() + 2;
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

void JsonLine::append(char byte) noexcept {
  SLUICE_ASSERT(size_ < kBytesMax, "the limits of all parts fit into a line");
  buffer_[size_++] = byte;
}

void JsonLine::append_escaped(std::string_view text, std::size_t bytes_max) noexcept {
  const std::size_t end = size_ + bytes_max;
  for (;;) {
    std::string_view fitting = text.substr(0, end - size_);
    SLUICE_ASSERT(fitting.size() <= kBytesMax - size_, "the limits of all parts fit into a line");
    std::size_t plain = copy_plain(fitting, buffer_.data() + size_);
    size_ += plain;
    text.remove_prefix(plain);
    if (text.empty()) return;
    std::array<char, 6> room;
    Piece piece = next_piece(text, room);
    if (piece.written.size() > end - size_) {
      cut_ = true;
      return;
    }
    append(piece.written);
    text.remove_prefix(piece.read);
  }
}

}  // namespace sluice::observe::internal
