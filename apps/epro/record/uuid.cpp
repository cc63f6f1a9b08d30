// SPDX-License-Identifier: MIT
#include <apps/epro/record/uuid.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>

#include <sluice/base/bytes.hpp>
#include <sluice/base/digest.hpp>

namespace epro {
namespace {

constexpr std::array<std::size_t, 4> kHyphens = {8, 13, 18, 23};
constexpr std::size_t kTextLength = 36;

std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

void stamp(Uuid& uuid, std::uint8_t version) {
  uuid.bytes[6] = static_cast<std::uint8_t>((uuid.bytes[6] & 0x0F) | (version << 4));
  uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3F) | 0x80);
}

}  // namespace

std::string Uuid::text() const {
  std::string text = sluice::to_hex(std::as_bytes(std::span(bytes)));
  for (std::size_t at : kHyphens) text.insert(at, 1, '-');
  return text;
}

std::optional<Uuid> parse_uuid(std::string_view text) noexcept {
  if (text.size() != kTextLength) return std::nullopt;
  Uuid uuid;
  std::size_t digits = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    char c = text[at];
    if (std::ranges::find(kHyphens, at) != kHyphens.end()) {
      if (c != '-') return std::nullopt;
      continue;
    }
    std::optional<std::uint8_t> digit = hex_digit(c);
    if (!digit) return std::nullopt;
    std::uint8_t& byte = uuid.bytes[digits++ / 2];
    byte = static_cast<std::uint8_t>(byte << 4 | *digit);
  }
  return uuid;
}

Uuid derive_uuid(std::initializer_list<std::string_view> parts) {
  std::string name;
  for (std::string_view part : parts) {
    // Each part behind its length: no separator that a part could hold itself.
    name.append(std::to_string(part.size())).append(":").append(part);
  }
  sluice::Sha256 digest = sluice::sha256(sluice::as_bytes(name));
  Uuid uuid;
  std::memcpy(uuid.bytes.data(), digest.data(), uuid.bytes.size());
  stamp(uuid, 8);
  return uuid;
}

Uuid random_uuid(std::array<std::uint8_t, 16> random) noexcept {
  Uuid uuid{random};
  stamp(uuid, 4);
  return uuid;
}

Uuid time_ordered_uuid(sluice::WallTime at, const Uuid& other) noexcept {
  auto ms = static_cast<std::uint64_t>(std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()).count());
  Uuid uuid = other;
  for (std::size_t i = 0; i < 6; ++i) uuid.bytes[i] = static_cast<std::uint8_t>(ms >> (8 * (5 - i)));
  stamp(uuid, 7);
  return uuid;
}

}  // namespace epro

std::size_t std::hash<epro::Uuid>::operator()(const epro::Uuid& uuid) const noexcept {
  // Clients choose their ids, and some only count in the last digits, so every byte has to reach every bit.
  return std::hash<std::string_view>()(sluice::as_text(std::as_bytes(std::span(uuid.bytes))));
}
