// SPDX-License-Identifier: MIT
#include <sluice/observe/internal/utf8.hpp>

namespace sluice::observe::internal {
namespace {

bool is_continuation(unsigned char byte) noexcept { return (byte & 0xc0) == 0x80; }

// The second byte carries the exceptions: it is what tells overlong forms, surrogates and too large values.
bool is_second_byte(unsigned char first, unsigned char second) noexcept {
  switch (first) {
    case 0xe0: return second >= 0xa0 && second <= 0xbf;
    case 0xed: return second >= 0x80 && second <= 0x9f;
    case 0xf0: return second >= 0x90 && second <= 0xbf;
    case 0xf4: return second >= 0x80 && second <= 0x8f;
    default: return is_continuation(second);
  }
}

std::size_t length_by_first_byte(unsigned char first) noexcept {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}

}  // namespace

std::size_t utf8_length(std::string_view text) noexcept {
  if (text.empty()) return 0;
  auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  std::size_t length = length_by_first_byte(byte(0));
  if (length > text.size()) return 0;
  if (length >= 2 && !is_second_byte(byte(0), byte(1))) return 0;
  for (std::size_t at = 2; at < length; ++at)
    if (!is_continuation(byte(at))) return 0;
  return length;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace sluice::observe::internal
