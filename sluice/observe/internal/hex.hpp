// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <sluice/base/bytes.hpp>

namespace sluice::observe::internal {

/// Eight digits as a little-endian word, the most significant first. All at once: each half-byte gets a byte, and those
/// beyond nine get what lies between '9' and 'a' on top.
[[nodiscard]] constexpr std::uint64_t hex_digits(std::uint32_t value) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  std::uint64_t halves = value;
  halves = (halves & 0xffff) << 32 | halves >> 16;
  halves = (halves & 0x000000ff000000ff) << 16 | (halves & 0x0000ff000000ff00) >> 8;
  halves = (halves & 0x000f000f000f000f) << 8 | (halves & 0x00f000f000f000f0) >> 4;
  std::uint64_t beyond_nine = (halves + kOnes * 6) >> 4 & kOnes;
  return halves + kOnes * '0' + beyond_nine * ('a' - '0' - 10);
}

/// Writes 16 lower-case digits and returns the end. Here because to_hex of base allocates, and a log record must not.
inline char* put_hex(char* at, std::uint64_t value) noexcept {
  auto* to = reinterpret_cast<std::byte*>(at);
  store_little(to, hex_digits(static_cast<std::uint32_t>(value >> 32)));
  store_little(to + 8, hex_digits(static_cast<std::uint32_t>(value)));
  return at + 16;
}

}  // namespace sluice::observe::internal
