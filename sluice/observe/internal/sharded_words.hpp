// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace sluice::observe::internal {

/// A few sums that every thread adds to at the same time: one copy of all of them per shard, a shard per processor, so
/// that adding touches a cache line that hardly anybody else wants. Reading adds the copies up.
///
///   shard 0 | line 0: word 0..7 | line 1: word 8.. |      a line is a cache line; a shard has as many as it needs
///   shard 1 | ...
///
/// Threads: any. Each word is exact, for every update is an atomic addition wherever it lands; words read one after the
/// other are not a snapshot of one instant.
class ShardedWords {
 public:
  /// All zero. Requires: `shards` is a power of two, `words` > 0.
  ShardedWords(std::size_t shards, std::size_t words);

  /// The shard to add to now. A hint, stale as soon as it is returned; any shard is right, this one is fast.
  [[nodiscard]] std::size_t here() const noexcept;
  void add(std::size_t shard, std::size_t word, std::uint64_t amount) noexcept;
  /// For a word that holds the bits of a double.
  void add_float(std::size_t shard, std::size_t word, double amount) noexcept;

  [[nodiscard]] std::uint64_t sum(std::size_t word) const noexcept;
  [[nodiscard]] double sum_float(std::size_t word) const noexcept;

 private:
  static constexpr std::size_t kCacheLine = 64;
  static constexpr std::size_t kWordsPerLine = kCacheLine / sizeof(std::uint64_t);

  struct alignas(kCacheLine) Line {
    // Written by adders, read by sums; a word counts and publishes nothing else.
    std::atomic<std::uint64_t> words[kWordsPerLine];
  };

  [[nodiscard]] std::atomic<std::uint64_t>& at(std::size_t shard, std::size_t word) const noexcept {
    return lines_[shard * lines_per_shard_ + word / kWordsPerLine].words[word % kWordsPerLine];
  }

  std::size_t shards_;
  std::size_t lines_per_shard_;
  std::unique_ptr<Line[]> lines_;
};

}  // namespace sluice::observe::internal
