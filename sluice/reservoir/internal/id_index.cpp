// SPDX-License-Identifier: MIT
#include <sluice/reservoir/internal/id_index.hpp>

#include <algorithm>
#include <mutex>
#include <numeric>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>

namespace sluice::reservoir::internal {
namespace {

using Answer = Reservoir::Answer;
using Standing = Reservoir::Standing;

/// The order of the candidates' keys; of equal keys the earlier candidate comes first.
std::vector<std::size_t> in_key_order(std::span<const Candidate> candidates) {
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) -> const Key& { return candidates[i].key; });
  return order;
}

Answer judge_known(const Candidate& candidate, Entry entry) {
  const auto standing = entry.content == candidate.content ? Standing::kKnown : Standing::kConflict;
  return {.standing = standing, .entry = std::move(entry)};
}

/// A candidate whose key stands at `first` already.
Answer judge_repeated(std::span<const Candidate> candidates, std::size_t index, std::size_t first, const Answer& answer) {
  if (candidates[index].content == candidates[first].content) return {.standing = Standing::kRepeated, .first = first};
  if (answer.standing == Standing::kNew) return {.standing = Standing::kConflict};
  return judge_known(candidates[index], answer.entry);
}

}  // namespace

std::size_t IdIndex::Hash::operator()(const Key& key) const noexcept {
  // The key is a hash already. The seed keeps others from grinding ids until they meet in one bucket; the multiplication
  // (Knuth's constant) carries it into the high bits.
  std::uint64_t word = (load_little<std::uint64_t>(key.data()) ^ seed) * 0x9e3779b97f4a7c15;
  return static_cast<std::size_t>(word ^ (word >> 32));
}

IdIndex::IdIndex(std::uint64_t seed) : hash_{seed} {
  for (std::size_t i = 0; i < kShards; ++i) shards_.push_back(std::make_unique<Shard>(hash_));
}

IdIndex::Shard& IdIndex::shard_of(const Key& key) noexcept {
  // Its last byte: the buckets within a shard are chosen by its first ones.
  return *shards_[std::to_integer<std::size_t>(key.back()) % kShards];
}

Result<std::vector<Answer>> IdIndex::take(Context& ctx, std::span<const Candidate> candidates) {
  std::vector<Answer> answers(candidates.size());
  const auto order = in_key_order(candidates);
  for (std::size_t i = 0, first = 0; i < order.size(); ++i) {
    const Candidate& candidate = candidates[order[i]];
    Answer& answer = answers[order[i]];
    if (i > 0 && candidates[order[i - 1]].key == candidate.key) {
      answer = judge_repeated(candidates, order[i], first, answers[first]);
      continue;
    }
    first = order[i];
    auto known = take_one(ctx, candidate.key);
    if (!known) {
      for (std::size_t j = 0; j < i; ++j)
        if (answers[order[j]].standing == Standing::kNew) give_back(candidates[order[j]].key);
      return fail(std::move(known).error());
    }
    if (*known) answer = judge_known(candidate, std::move(**known));
  }
  return answers;
}

Result<std::optional<Entry>> IdIndex::take_one(Context& ctx, const Key& key) {
  SLUICE_TRY(ctx.check());
  Shard& shard = shard_of(key);
  for (;;) {
    Flight flight;
    {
      std::lock_guard hold(shard.mutex);
      if (auto known = shard.known.find(key); known != shard.known.end()) return known->second;
      auto [taken, is_ours] = shard.taken.try_emplace(key);
      if (is_ours) {
        taken->second = std::make_shared<WaitGroup>();
        taken->second->add();
        return std::optional<Entry>();
      }
      flight = taken->second;
    }
    SLUICE_TRY(flight->wait(ctx));
  }
}

void IdIndex::settle(const Key& key, Entry entry) { land(key, std::move(entry)); }

void IdIndex::give_back(const Key& key) { land(key, std::nullopt); }

void IdIndex::land(const Key& key, std::optional<Entry> entry) {
  Shard& shard = shard_of(key);
  Flight flight;
  {
    std::lock_guard hold(shard.mutex);
    auto taken = shard.taken.find(key);
    SLUICE_ASSERT(taken != shard.taken.end(), "only a taken key is settled or given back");
    flight = std::move(taken->second);
    shard.taken.erase(taken);
    if (entry) shard.known.emplace(key, std::move(*entry));
  }
  flight->done();
}

void IdIndex::add(const Key& key, Entry entry) {
  Shard& shard = shard_of(key);
  std::lock_guard hold(shard.mutex);
  shard.known.emplace(key, std::move(entry));
}

std::optional<Entry> IdIndex::find(const Key& key) {
  Shard& shard = shard_of(key);
  std::lock_guard hold(shard.mutex);
  auto known = shard.known.find(key);
  if (known == shard.known.end()) return std::nullopt;
  return known->second;
}

}  // namespace sluice::reservoir::internal
