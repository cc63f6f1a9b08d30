// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/internal/fiber_pool.hpp>
#include <sluice/runtime/internal/machine.hpp>
#include <sluice/runtime/internal/prefetch.hpp>
#include <sluice/runtime/internal/stack_pool.hpp>

namespace sluice::bench {

/// The memory of `count` fibers, a block and a stack each, laid out as the runtime does, without fibers: what it costs only to
/// touch what they need, asked for as far ahead as helps.
class BareFibers {
 public:
  explicit BareFibers(std::size_t count) : count_(count) {
    stacks_.reserve(count);
    blocks_.reserve(count);
    bool has_room = stack_pool_.reserve(count) == count;
    SLUICE_ASSERT(has_room, "there is address space for a benchmark");
  }

  /// The first write to each: their pages come, and the guards below the stacks.
  void create() {
    while (stacks_.size() < count_) {
      std::size_t first = stacks_.size();
      stack_pool_.take_some(stacks_, std::min(internal::Processor::kStackBatch, count_ - first));
      while (blocks_.size() < stacks_.size()) block_pool_.take_some(blocks_, stacks_.size() - blocks_.size());
      for (std::size_t i = first; i < stacks_.size(); ++i) {
        write_lines(frames(i), internal::kFrameBytes);
        write_lines(block(i), sizeof(internal::Fiber));
      }
    }
  }

  /// Once more to each cache line that a fiber needs, of fibers order(from) to order(to - 1). Requires: create().
  template <class Order>
  void change(std::size_t from, std::size_t to, Order order) {
    in_time(from, to, order, [this](std::size_t i) {
      internal::prefetch(frames(i), internal::kFrameBytes);
      internal::prefetch(block(i), sizeof(internal::Fiber));
    }, [this](std::size_t i) {
      change_lines(frames(i), internal::kFrameBytes);
      change_lines(block(i), sizeof(internal::Fiber));
    });
  }
  /// Of each of them the line alone by which others wake it, which holds its timer too.
  template <class Order>
  void change_wait_lines(std::size_t from, std::size_t to, Order order) {
    auto line = [this](std::size_t i) { return block(i) + sizeof(internal::Fiber) - internal::kCacheLine; };
    in_time(from, to, order, [&](std::size_t i) { internal::prefetch(line(i), internal::kCacheLine); },
            [&](std::size_t i) { change_lines(line(i), internal::kCacheLine); });
  }

 private:
  static constexpr std::size_t kAhead = 8;

  template <class Order, class Ask, class Use>
  static void in_time(std::size_t from, std::size_t to, Order order, Ask ask, Use use) {
    for (std::size_t k = from; k < to; ++k) {
      if (k + kAhead < to) ask(order(k + kAhead));
      use(order(k));
    }
  }

  // Only writes: a page that is read first is mapped twice.
  static void write_lines(volatile char* from, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; i += internal::kCacheLine) from[i] = 1;
  }
  static void change_lines(volatile char* from, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; i += internal::kCacheLine) from[i] = static_cast<char>(from[i] + 1);
  }

  char* frames(std::size_t i) {
    return reinterpret_cast<char*>(stacks_[i].low + stacks_[i].bytes) - internal::kFrameBytes;
  }
  char* block(std::size_t i) { return reinterpret_cast<char*>(blocks_[i]); }

  const std::size_t count_;
  internal::StackPool stack_pool_{RuntimeOptions{}.stack_bytes};
  internal::FiberPool block_pool_;
  std::vector<internal::Stack> stacks_;
  std::vector<internal::Fiber*> blocks_;
};

}  // namespace sluice::bench
