// SPDX-License-Identifier: MIT
#include <sluice/base/digest.hpp>

#include <cstring>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <sluice/base/assert.hpp>

namespace sluice {
namespace {

constexpr std::uint32_t kReversedPolynomial = 0x82f63b78;  // RFC 3720 appendix B.4

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? kReversedPolynomial : 0);
    table[byte] = crc;
  }
  return table;
}
constexpr auto kTable = make_table();

std::uint32_t crc_by_table(const std::byte* at, std::size_t size, std::uint32_t crc) noexcept {
  for (; size > 0; --size, ++at) crc = kTable[(crc ^ std::to_integer<std::uint32_t>(*at)) & 255] ^ (crc >> 8);
  return crc;
}

#if defined(__x86_64__)
[[gnu::target("sse4.2")]] std::uint32_t crc_by_instruction(const std::byte* at, std::size_t size,
                                                           std::uint32_t crc) noexcept {
  std::uint64_t wide = crc;
  for (; size >= 8; size -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  crc = static_cast<std::uint32_t>(wide);
  for (; size > 0; --size, ++at) crc = __builtin_ia32_crc32qi(crc, std::to_integer<unsigned char>(*at));
  return crc;
}
const bool kHasInstruction = __builtin_cpu_supports("sse4.2") != 0;
#endif

template <class Digest>
Digest hmac(const EVP_MD* hash, std::span<const std::byte> key, std::span<const std::byte> bytes) noexcept {
  Digest digest;
  auto* out = HMAC(hash, key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()),
                   bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  SLUICE_ASSERT(out != nullptr, "OpenSSL has HMAC with SHA-2");
  return digest;
}

}  // namespace

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t crc) noexcept {
#if defined(__x86_64__)
  if (kHasInstruction) return ~crc_by_instruction(bytes.data(), bytes.size(), ~crc);
#endif
  return ~crc_by_table(bytes.data(), bytes.size(), ~crc);
}

Sha256 sha256(std::span<const std::byte> bytes) noexcept {
  Sha256 digest;
  int ok = EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
                      EVP_sha256(), nullptr);
  SLUICE_ASSERT(ok == 1, "OpenSSL has SHA-256");
  return digest;
}

Sha1 sha1(std::span<const std::byte> bytes) noexcept {
  Sha1 digest;
  int ok = EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, EVP_sha1(),
                      nullptr);
  SLUICE_ASSERT(ok == 1, "OpenSSL has SHA-1");
  return digest;
}

Sha256 hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> bytes) noexcept {
  return hmac<Sha256>(EVP_sha256(), key, bytes);
}

Sha384 hmac_sha384(std::span<const std::byte> key, std::span<const std::byte> bytes) noexcept {
  return hmac<Sha384>(EVP_sha384(), key, bytes);
}

Sha512 hmac_sha512(std::span<const std::byte> key, std::span<const std::byte> bytes) noexcept {
  return hmac<Sha512>(EVP_sha512(), key, bytes);
}

bool equal_in_constant_time(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace sluice
