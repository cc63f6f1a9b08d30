// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace epro {

/// Numbers that look random and are the same for the same seed on every machine, which the distributions of <random>
/// do not promise. Not for secrets.
/// Threads: as any value. Source: SplitMix64; Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

  /// Evenly from [0, 1).
  double fraction() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }

  /// Evenly enough from [0, bound). Requires: bound > 0, and so small that the bias of a remainder does not matter.
  std::uint64_t below(std::uint64_t bound) noexcept { return next() % bound; }

 private:
  std::uint64_t state_;
};

}  // namespace epro
