// SPDX-License-Identifier: MIT
#include <sluice/observe/internal/sharded_words.hpp>

#include <sched.h>

#include <bit>

#include <sluice/base/assert.hpp>

namespace sluice::observe::internal {

ShardedWords::ShardedWords(std::size_t shards, std::size_t words)
    : shards_(shards),
      lines_per_shard_((words + kWordsPerLine - 1) / kWordsPerLine),
      lines_(std::make_unique<Line[]>(shards * lines_per_shard_)) {
  SLUICE_ASSERT(std::has_single_bit(shards), "the processor's number is masked into a shard's");
  SLUICE_ASSERT(words > 0, "there is something to sum up");
}

// Not inline: sched_getcpu reads thread-local memory (rseq, so it costs a load), and a caller that switches fibers
// could otherwise keep that address beyond the switch. -1, where the kernel does not say, gives the last shard.
std::size_t ShardedWords::here() const noexcept { return static_cast<std::size_t>(::sched_getcpu()) & (shards_ - 1); }

void ShardedWords::add(std::size_t shard, std::size_t word, std::uint64_t amount) noexcept {
  at(shard, word).fetch_add(amount, std::memory_order_relaxed);  // relaxed: a word publishes nothing
}

void ShardedWords::add_float(std::size_t shard, std::size_t word, double amount) noexcept {
  auto& bits = at(shard, word);
  std::uint64_t seen = bits.load(std::memory_order_relaxed);  // relaxed: a word publishes nothing
  auto raised = [&] { return std::bit_cast<std::uint64_t>(std::bit_cast<double>(seen) + amount); };
  // relaxed: likewise; it fails if anyone has added in between.
  while (!bits.compare_exchange_weak(seen, raised(), std::memory_order_relaxed)) {
  }
}

std::uint64_t ShardedWords::sum(std::size_t word) const noexcept {
  std::uint64_t total = 0;
  for (std::size_t shard = 0; shard < shards_; ++shard)
    total += at(shard, word).load(std::memory_order_relaxed);  // relaxed: a word publishes nothing
  return total;
}

double ShardedWords::sum_float(std::size_t word) const noexcept {
  double total = 0;
  for (std::size_t shard = 0; shard < shards_; ++shard)
    total += std::bit_cast<double>(at(shard, word).load(std::memory_order_relaxed));  // relaxed: as in sum
  return total;
}

}  // namespace sluice::observe::internal
