// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::observe::internal {

/// Writes 16 lower-case digits and returns the end. Here because to_hex of base allocates, and a log record must not.
inline char* put_hex(char* at, std::uint64_t value) noexcept {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) *at++ = kDigits[(value >> shift) & 15];
  return at;
}

}  // namespace sluice::observe::internal
