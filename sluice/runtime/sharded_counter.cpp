// SPDX-License-Identifier: MIT
#include <sluice/runtime/sharded_counter.hpp>

#include <unistd.h>

#include <algorithm>
#include <bit>

namespace sluice {
namespace {

// More processors than that share lines: a counter then takes 4 KiB, and two in a line still meet rarely.
constexpr long kShardsMax = 64;

// Of the machine, not of this process: the kernel's numbers choose the line, and affinity may leave us any of them.
std::size_t shards() noexcept {
  return std::bit_ceil(static_cast<std::size_t>(std::clamp(::sysconf(_SC_NPROCESSORS_CONF), 1L, kShardsMax)));
}

}  // namespace

ShardedCounter::ShardedCounter() : sum_({.shards = shards(), .bounds = {}}) {}

}  // namespace sluice
