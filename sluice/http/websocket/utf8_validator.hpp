// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::http::websocket {

/// Whether a text that comes in pieces is UTF-8, said at the first byte that cannot be: a piece may end within a
/// character, and nobody waits for the rest of a text that is wrong already.
/// Threads: as any value. Source: RFC 3629 §4 (no surrogates, nothing overlong, nothing above U+10FFFF).
class Utf8Validator {
 public:
  /// False: this byte or one before was wrong; then it is of no more use.
  [[nodiscard]] bool take(std::string_view piece) noexcept;
  /// No character has been begun and not ended.
  [[nodiscard]] bool is_complete() const noexcept { return missing_ == 0; }

 private:
  [[nodiscard]] bool take_byte(std::uint8_t byte) noexcept;
  [[nodiscard]] bool begin(std::uint8_t byte) noexcept;

  // The bytes that the character at hand still wants, and the bounds of the next one: those of the second byte say what
  // is overlong, a surrogate, or too large.
  std::uint8_t missing_ = 0;
  std::uint8_t low_ = 0x80;
  std::uint8_t high_ = 0xBF;
};

[[nodiscard]] inline bool is_utf8(std::string_view text) noexcept {
  Utf8Validator validator;
  return validator.take(text) && validator.is_complete();
}

}  // namespace sluice::http::websocket
