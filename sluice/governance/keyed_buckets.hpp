// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include <sluice/base/clock.hpp>
#include <sluice/base/spin_lock.hpp>
#include <sluice/governance/internal/gcra.hpp>
#include <sluice/governance/rate_limit.hpp>

namespace sluice::governance {

/// A token bucket for each client, study or address, in memory that does not grow with their number.
///
///   KeyedBuckets buckets({.per_second = 1, .burst = 20}, seed);
///   Decision decision = buckets.try_take(address, clock.now());
///
/// When a new key finds its part of the table taken, the bucket nearest to full makes room. A bucket that is full again
/// is forgotten without anybody noticing: a new one is full, too. Only when all there are still in use does a key get
/// back what it had used up, the one that had used least; forgotten() counts these. So a crowd of invented keys pushes
/// out one another before those who are being held back.
/// Keys are told apart by a keyed 64-bit hash: who does not know the seed cannot aim at another's bucket.
/// Threads: any; a call holds the spin lock of seven buckets for some tens of instructions.
/// Source: TokenBucket's algorithm; SipHash-2-4 (Aumasson, Bernstein, 2012).
class KeyedBuckets {
 public:
  // 7 * 8192: at 128 bytes for seven they take 1 MiB, and tell the clients of an evening apart.
  static constexpr std::size_t kKeysDefault = 57'344;

  /// `seed`: 128 random bits, made by main. `keys`: about how many are remembered; rounded up to 7 * 2^k.
  /// Requires: limit.check() is ok, keys > 0.
  KeyedBuckets(RateLimit limit, std::array<std::uint64_t, 2> seed, std::size_t keys = kKeysDefault);
  KeyedBuckets(const KeyedBuckets&) = delete;
  KeyedBuckets& operator=(const KeyedBuckets&) = delete;

  /// As TokenBucket::try_take, on this key's bucket. The key is borrowed for the call and not kept. Only who takes
  /// something gets room in the table.
  Decision try_take(std::string_view key, Instant now, std::uint32_t n = 1) noexcept;

  /// Buckets that made room before they were full: if this rises steadily, the table is too small.
  [[nodiscard]] std::uint64_t forgotten() const noexcept {
    return forgotten_.load(std::memory_order_relaxed);  // relaxed: see forgotten_
  }
  [[nodiscard]] const RateLimit& limit() const noexcept { return gcra_.limit(); }

 private:
  struct Bucket {
    std::uint64_t key = 0;
    std::uint64_t full_at = 0;  // Gcra's state; 0 is full, so an unused bucket is the full one of key 0
  };
  static constexpr std::size_t kBucketsPerSet = 7;  // with the lock they fill two cache lines
  struct alignas(64) Set {
    SpinLock lock;
    Bucket buckets[kBucketsPerSet];  // guarded by lock
  };
  static_assert(sizeof(Set) == 128);

  [[nodiscard]] static Bucket& choose(Set& set, std::uint64_t key) noexcept;

  internal::Gcra gcra_;
  std::array<std::uint64_t, 2> seed_;
  std::size_t set_mask_;
  std::unique_ptr<Set[]> sets_;
  std::atomic<std::uint64_t> forgotten_{0};  // written by try_take; counts, publishes nothing
};

}  // namespace sluice::governance
