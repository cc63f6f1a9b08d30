// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice::reservoir::internal {

/// Every key that was ever accepted, in memory, and who is about to add one.
///
///   unknown -> take: taken by one claim -> settle: known, for ever
///                                      \-> give_back: unknown; one of those who waited takes it
///
/// Memory: some 150 bytes a key and its note, for as long as the journal exists: it is what makes a replay after six weeks
/// cheap. Threads: fibers. What X did before settle() is visible to who finds the key known.
class IdIndex {
 public:
  /// `seed`: random, so that nobody can choose keys that meet in one bucket.
  explicit IdIndex(std::uint64_t seed);

  /// Judges each candidate as Reservoir::claim describes. Those that are kNew are taken: each must be settled or given
  /// back. Parks while somebody else has one of them. Keys are taken in one order by everybody, so two claims never wait
  /// for each other. The cause of ctx if that ends first; then nothing is taken.
  Result<std::vector<Reservoir::Answer>> take(Context& ctx, std::span<const Candidate> candidates);
  /// Makes a taken key known, and lets those who wait for it see that.
  void settle(const Key& key, Entry entry);
  void give_back(const Key& key);

  /// Makes a key known that nobody took: at the start. The first entry of a key stays.
  void add(const Key& key, Entry entry);
  [[nodiscard]] std::optional<Entry> find(const Key& key);

 private:
  struct Hash {
    std::uint64_t seed;
    std::size_t operator()(const Key& key) const noexcept;
  };
  /// Lets others wait for what becomes of a taken key.
  using Flight = std::shared_ptr<WaitGroup>;  // shared: the table and whoever waits; the last one frees it
  struct Shard {
    explicit Shard(Hash hash) : known(0, hash), taken(0, hash) {}
    Mutex mutex{LockRank::kReservoir};
    std::unordered_map<Key, Entry, Hash> known;   // guarded by mutex
    std::unordered_map<Key, Flight, Hash> taken;  // guarded by mutex
  };
  // Two fibers of a busy machine seldom want the same one.
  static constexpr std::size_t kShards = 64;

  Shard& shard_of(const Key& key) noexcept;
  /// The entry if the key is known; nothing if it was taken for the caller.
  Result<std::optional<Entry>> take_one(Context& ctx, const Key& key);
  void land(const Key& key, std::optional<Entry> entry);

  const Hash hash_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace sluice::reservoir::internal
