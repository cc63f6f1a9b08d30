// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

/// What every target defines: libFuzzer's interface, called by libFuzzer or by run_corpus.cpp. Returns 0; whatever is wrong
/// ends the process.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace sluice::fuzz {

inline std::string_view as_input(const std::uint8_t* data, std::size_t size) noexcept {
  return size == 0 ? std::string_view() : std::string_view(reinterpret_cast<const char*>(data), size);
}

/// Ends the process if a property does not hold: both ways of running take that for a finding. `seen` may quote the input:
/// it is nobody's but the fuzzer's.
inline void require(bool holds, const char* property, std::string_view seen = "") {
  if (holds) return;
  std::fprintf(stderr, "fuzz: does not hold: %s\n", property);
  std::fwrite(seen.data(), 1, seen.size(), stderr);
  std::abort();
}

/// A target's choices (where to cut, how much to take), made from the input alone, so that an input is a case for itself
/// and a corpus is readable. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (SplitMix64);
/// the seed is FNV-1a.
class Choices {
 public:
  explicit Choices(std::string_view input) noexcept {
    for (char c : input) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  }
  /// From 0 to `limit` - 1. Requires: limit > 0.
  std::size_t below(std::size_t limit) noexcept {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t mixed = (state_ ^ (state_ >> 30)) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBU;
    return static_cast<std::size_t>((mixed ^ (mixed >> 31)) % limit);
  }

 private:
  std::uint64_t state_ = 0xCBF29CE484222325U;
};

}  // namespace sluice::fuzz
