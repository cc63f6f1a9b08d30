// SPDX-License-Identifier: MIT
// A key's hash picks a set; within it the key may be in any of seven places. A set is searched whole, under its lock:
// two cache lines, no pointers. Which bucket makes room is decided by full_at alone: all have one rate, so the smallest
// full_at is the bucket nearest to full, and one that lies in the past is full already and worth nothing.
// Rejected: a map with a list by age: a lock for all, and memory per key; least recently used: it would forget those
// who are being refused before those who have just been made up.
#include <sluice/governance/keyed_buckets.hpp>

#include <algorithm>
#include <bit>
#include <mutex>

#include <sluice/base/assert.hpp>
#include <sluice/governance/internal/sip_hash.hpp>

namespace sluice::governance {

KeyedBuckets::KeyedBuckets(RateLimit limit, std::array<std::uint64_t, 2> seed, std::size_t keys)
    : gcra_(limit),
      seed_(seed),
      set_mask_(std::bit_ceil((keys + kBucketsPerSet - 1) / kBucketsPerSet) - 1),
      sets_(std::make_unique<Set[]>(set_mask_ + 1)) {
  SLUICE_ASSERT(keys > 0, "a table has room for a key");
}

Decision KeyedBuckets::try_take(std::string_view key, Instant now, std::uint32_t n) noexcept {
  const std::uint64_t hash = internal::sip_hash(key, seed_);
  Set& set = sets_[hash & set_mask_];
  std::lock_guard hold(set.lock);
  Bucket& bucket = choose(set, hash);
  const bool known = bucket.key == hash;
  const std::uint64_t full_at = known ? bucket.full_at : 0;
  auto step = gcra_.take(full_at, now, n);
  if (step.full_at == full_at) return step.decision;
  if (!known && !gcra_.is_full(bucket.full_at, now))
    forgotten_.fetch_add(1, std::memory_order_relaxed);  // relaxed: a count by itself
  bucket = {hash, step.full_at};
  return step.decision;
}

/// The key's own bucket, or else the one nearest to full.
KeyedBuckets::Bucket& KeyedBuckets::choose(Set& set, std::uint64_t key) noexcept {
  auto own = std::ranges::find(set.buckets, key, &Bucket::key);
  if (own != std::end(set.buckets)) return *own;
  return *std::ranges::min_element(set.buckets, {}, &Bucket::full_at);
}

}  // namespace sluice::governance
