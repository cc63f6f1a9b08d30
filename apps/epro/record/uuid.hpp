// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include <sluice/base/clock.hpp>

namespace epro {

/// A UUID (RFC 9562) as a value of 16 bytes, most significant first, so that it compares as its text does.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  /// Lower case with hyphens, 36 characters.
  [[nodiscard]] std::string text() const;

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

/// 8-4-4-4-12 hexadecimal digits in either case, of any version; nothing for any other text.
[[nodiscard]] std::optional<Uuid> parse_uuid(std::string_view text) noexcept;

/// The same UUID for the same parts, on every machine and for ever (version 8, from their SHA-256). ("a","bc") and
/// ("ab","c") differ. The first part says what is being named: {"patient", study, subject_key}.
[[nodiscard]] Uuid derive_uuid(std::initializer_list<std::string_view> parts);

/// The UUID of 16 random bytes (version 4).
[[nodiscard]] Uuid random_uuid(std::array<std::uint8_t, 16> random) noexcept;
/// `other` with its first 48 bits replaced by the milliseconds since 1970 (version 7): later ones compare greater. As keys of
/// a database such ids land side by side; random ones touch a page each. Requires: at >= 1970.
[[nodiscard]] Uuid time_ordered_uuid(sluice::WallTime at, const Uuid& other) noexcept;

}  // namespace epro

template <>
struct std::hash<epro::Uuid> {
  std::size_t operator()(const epro::Uuid& uuid) const noexcept;
};
