// SPDX-License-Identifier: MIT
#include <sluice/governance/internal/sip_hash.hpp>

#include <bit>
#include <cstddef>

#include <sluice/base/bytes.hpp>

namespace sluice::governance::internal {
namespace {

struct State {
  std::uint64_t v0, v1, v2, v3;

  void round() noexcept {
    v0 += v1, v1 = std::rotl(v1, 13), v1 ^= v0, v0 = std::rotl(v0, 32);
    v2 += v3, v3 = std::rotl(v3, 16), v3 ^= v2;
    v0 += v3, v3 = std::rotl(v3, 21), v3 ^= v0;
    v2 += v1, v1 = std::rotl(v1, 17), v1 ^= v2, v2 = std::rotl(v2, 32);
  }
  void absorb(std::uint64_t word) noexcept {
    v3 ^= word;
    round(), round();
    v0 ^= word;
  }
};

/// What is left after the whole words, with the length in the top byte. Requires: fewer than 8 bytes.
std::uint64_t last_word(std::string_view rest, std::size_t length) noexcept {
  std::uint64_t word = static_cast<std::uint64_t>(length) << 56;
  for (std::size_t i = 0; i < rest.size(); ++i)
    word |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest[i])) << (8 * i);
  return word;
}

}  // namespace

std::uint64_t sip_hash(std::string_view bytes, const std::array<std::uint64_t, 2>& key) noexcept {
  State state{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
              key[1] ^ 0x7465646279746573};
  std::string_view rest = bytes;
  for (; rest.size() >= 8; rest.remove_prefix(8)) state.absorb(load_little<std::uint64_t>(as_bytes(rest).data()));
  state.absorb(last_word(rest, bytes.size()));
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace sluice::governance::internal
