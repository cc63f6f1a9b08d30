// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice {

/// CRC-32C (Castagnoli), the checksum of our files: finds torn and damaged records, proves nothing against an attacker.
/// `crc` continues an earlier sum; 0 starts one. Uses the SSE 4.2 instruction where the processor has it.
[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t crc = 0) noexcept;

using Sha256 = std::array<std::byte, 32>;

/// SHA-256 (FIPS 180-4), by OpenSSL.
[[nodiscard]] Sha256 sha256(std::span<const std::byte> bytes) noexcept;
using Sha1 = std::array<std::byte, 20>;

/// SHA-1 (FIPS 180-4), by OpenSSL. Broken for signatures: only where a protocol asks for it, as WebSocket's handshake does.
[[nodiscard]] Sha1 sha1(std::span<const std::byte> bytes) noexcept;

/// HMAC-SHA-256 (RFC 2104), by OpenSSL. A key of any length.
[[nodiscard]] Sha256 hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> bytes) noexcept;

using Sha384 = std::array<std::byte, 48>;
using Sha512 = std::array<std::byte, 64>;
/// The same with SHA-384 and SHA-512.
[[nodiscard]] Sha384 hmac_sha384(std::span<const std::byte> key, std::span<const std::byte> bytes) noexcept;
[[nodiscard]] Sha512 hmac_sha512(std::span<const std::byte> key, std::span<const std::byte> bytes) noexcept;

/// Whether two texts are equal, in a time that depends on their sizes alone: for what a stranger might guess byte by byte.
[[nodiscard]] bool equal_in_constant_time(std::span<const std::byte> a, std::span<const std::byte> b) noexcept;

}  // namespace sluice
