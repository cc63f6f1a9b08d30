// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sluice::internal {

/// How long something took, counted by one thread with plain stores, read by any.
/// Buckets are powers of four from a microsecond to a second, then one for all above.
class LatencyHistogram {
 public:
  static constexpr std::size_t kBounds = 11;
  static constexpr std::int64_t kFirstBoundNs = 1'000;

  /// Writers one after the other: the owner of the processor that this belongs to.
  void note(std::int64_t ns) noexcept {
    std::size_t bucket = 0;
    while (bucket < kBounds && ns > bound_ns(bucket)) ++bucket;
    add(counts_[bucket], 1);
    add(sum_ns_, static_cast<std::uint64_t>(ns));
  }

  [[nodiscard]] static constexpr std::int64_t bound_ns(std::size_t bucket) noexcept { return kFirstBoundNs << 2 * bucket; }
  [[nodiscard]] std::uint64_t count(std::size_t bucket) const noexcept {
    return counts_[bucket].load(std::memory_order_relaxed);  // relaxed, in all: numbers by themselves, publish nothing
  }
  [[nodiscard]] std::uint64_t sum_ns() const noexcept { return sum_ns_.load(std::memory_order_relaxed); }

 private:
  static void add(std::atomic<std::uint64_t>& to, std::uint64_t more) noexcept {
    to.store(to.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);  // relaxed: as above
  }

  std::array<std::atomic<std::uint64_t>, kBounds + 1> counts_{};
  std::atomic<std::uint64_t> sum_ns_{0};
};

}  // namespace sluice::internal
