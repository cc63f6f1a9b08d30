// SPDX-License-Identifier: MIT
#include <sluice/http/websocket/utf8_validator.hpp>

#include <cstddef>
#include <cstring>

namespace sluice::http::websocket {
namespace {

// How many of the first bytes are ASCII for sure: most text is, and goes by in words.
std::size_t ascii_words(std::string_view text) noexcept {
  std::size_t at = 0;
  for (std::uint64_t word; text.size() - at >= sizeof word; at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    if ((word & 0x8080808080808080) != 0) break;
  }
  return at;
}

}  // namespace

bool Utf8Validator::take(std::string_view piece) noexcept {
  while (!piece.empty()) {
    if (is_complete()) piece.remove_prefix(ascii_words(piece));
    if (piece.empty()) break;
    if (!take_byte(static_cast<std::uint8_t>(piece.front()))) return false;
    piece.remove_prefix(1);
  }
  return true;
}

bool Utf8Validator::take_byte(std::uint8_t byte) noexcept {
  if (missing_ == 0) return begin(byte);
  if (byte < low_ || byte > high_) return false;
  low_ = 0x80;
  high_ = 0xBF;
  --missing_;
  return true;
}

bool Utf8Validator::begin(std::uint8_t byte) noexcept {
  if (byte < 0x80) return true;
  if (byte < 0xC2 || byte > 0xF4) return false;
  missing_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
  if (byte == 0xE0) low_ = 0xA0;
  if (byte == 0xED) high_ = 0x9F;
  if (byte == 0xF0) low_ = 0x90;
  if (byte == 0xF4) high_ = 0x8F;
  return true;
}

}  // namespace sluice::http::websocket
