// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

/// The bytes of a text, borrowed.
[[nodiscard]] inline std::span<const std::byte> as_bytes(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}
/// Bytes seen as text, borrowed; no encoding is checked.
[[nodiscard]] inline std::string_view as_text(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Lower-case hexadecimal, two digits a byte.
[[nodiscard]] std::string to_hex(std::span<const std::byte> bytes);
/// The bytes of a hexadecimal text in either case; nothing if it has odd length or another character.
[[nodiscard]] std::optional<std::string> from_hex(std::string_view hex);

/// Base64 with padding (RFC 4648 §4).
[[nodiscard]] std::string to_base64(std::span<const std::byte> bytes);
/// The bytes of a text in the alphabet for URLs, without padding (RFC 4648 §5, RFC 7515 §2); nothing if it is none. Only one
/// spelling stands for the same bytes: bits that are left over must be zero.
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text);

/// Unaligned little-endian integers: how our files are written. Requires: `from`/`to` has sizeof(Integer) bytes.
template <std::unsigned_integral Integer>
[[nodiscard]] Integer load_little(const std::byte* from) noexcept;
template <std::unsigned_integral Integer>
void store_little(std::byte* to, Integer value) noexcept;

// ---- implementation ----

static_assert(std::endian::native == std::endian::little, "load_little and store_little would have to swap");

template <std::unsigned_integral Integer>
Integer load_little(const std::byte* from) noexcept {
  Integer value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <std::unsigned_integral Integer>
void store_little(std::byte* to, Integer value) noexcept {
  std::memcpy(to, &value, sizeof value);
}

}  // namespace sluice
