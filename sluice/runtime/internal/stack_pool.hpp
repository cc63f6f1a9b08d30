// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include <sluice/runtime/internal/fiber.hpp>
#include <sluice/runtime/internal/word_lock.hpp>

namespace sluice::internal {

/// How the lowest pages of each stack are kept from being written.
enum class GuardKind : std::uint8_t {
  kLight,  ///< MADV_GUARD_INSTALL (Linux 6.13): splits no mapping, so it holds for millions
  kSplit,  ///< mprotect: two mappings a stack, of which a process may have 65,530 by default
  kNone,   ///< the budget of mappings is spent: the fiber carries a canary, looked at whenever it is switched away from
};

/// Stacks for fibers, cut from slabs of address space, so that a million of them stay within the kernel's default number
/// of mappings. Memory is committed when a stack is used, stays with it for the next user, and is given back by trim().
/// Threads: any; trim() by one at a time. Lifetime: outlives all fibers.
class StackPool {
 public:
  /// `stack_bytes`: address space of one stack, its guard included, at least; rounded up to an odd number of pages, five or
  /// more: see stack_pool.cpp.
  /// `guard`: for tests; the best that the kernel has by default.
  /// `spare`: how many stacks may lie idle outside of the pool.
  explicit StackPool(std::size_t stack_bytes, GuardKind guard = best_guard(), std::size_t spare = 0);
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;
  ~StackPool();

  [[nodiscard]] static GuardKind best_guard() noexcept;

  /// Promises up to `wanted` stacks, to be taken some time later; 0 if the kernel refuses address space.
  [[nodiscard]] std::size_t reserve(std::size_t wanted);
  /// Takes promises back: the fibers have ended.
  void release(std::size_t count);
  /// Appends up to `wanted` stacks to `to`, at least one. Requires: no more are in use than were promised.
  void take_some(std::vector<Stack>& to, std::size_t wanted);
  /// Takes back the last `count` stacks of `from`.
  void put_some(std::vector<Stack>& from, std::size_t count);
  /// Gives back the memory of the stacks that nobody has used since the last call, but for kWarmStacks of them: giving
  /// back and committing again costs twenty times what a fiber does, so it must not happen between two of them.
  /// Meant to be called about once a second.
  void trim();
  /// Whether trim() has something to do, this time or the next.
  [[nodiscard]] bool has_surplus() const { return warm_count() > kWarmStacks; }

  /// Looks at some stacks, others each time: how much of them is in memory. Meant to be called about once a second, by one.
  void sample_use() noexcept;
  struct Use {
    std::size_t reserved_bytes = 0;    ///< address space
    std::size_t resident_bytes = 0;    ///< memory, as the last samples had it
    std::size_t high_water_bytes = 0;  ///< the most that a sampled stack has used
  };
  /// Takes no lock.
  [[nodiscard]] Use use() const noexcept;

  /// The stack whose guard holds this address; nothing if it is no guard of ours. Takes no lock, may be called from
  /// a signal handler.
  [[nodiscard]] Stack stack_above_guard(const void* address) const noexcept;
  /// The stack above that guard, with its full size.
  [[nodiscard]] Stack stack_at(std::byte* low, bool is_guarded) const noexcept;
  /// Stacks that lie idle with their memory.
  [[nodiscard]] std::size_t warm_count() const;

  /// That many idle stacks keep their memory for good: a few MiB.
  static constexpr std::size_t kWarmStacks = 1'000;

 private:
  static constexpr std::size_t kSlabBytes = std::size_t{64} << 20;  // 252 stacks of the default size
  static constexpr std::size_t kMaxSlabs = 4096;                    // a million default stacks and a few

  Stack carve();
  [[nodiscard]] std::size_t capacity_unlocked() const noexcept;
  bool add_slab();
  bool guard(std::byte* low) noexcept;
  [[nodiscard]] std::size_t unguarded_bytes() const noexcept { return stack_bytes_ - guard_bytes_; }
  void note_sample() noexcept;
  void publish_average() noexcept;
  std::vector<Stack> take_idle(std::size_t wanted);

  const std::size_t page_bytes_;
  const std::size_t stack_bytes_;
  const std::size_t guard_bytes_;
  const std::size_t stacks_per_slab_;
  const GuardKind guard_kind_;
  const std::size_t spare_;
  mutable WordLock lock_;
  std::deque<Stack> warm_;            // guarded by lock_; with their memory, the one used last at the back
  std::vector<Stack> cold_;           // guarded by lock_; without
  std::size_t least_warm_ = 0;        // guarded by lock_; how few warm ones there have been since the last trim
  // Stacks that have left the slabs, in their order. Written under lock_; read without by samples, which it publishes nothing to.
  std::atomic<std::size_t> carved_{0};
  std::size_t reserved_ = 0;          // guarded by lock_
  std::size_t split_guards_left_;     // guarded by lock_
  // In the order they were made. Written under lock_, each once; read without by stack_above_guard.
  std::vector<std::atomic<std::byte*>> slabs_;
  std::atomic<std::size_t> slab_count_{0};  // publishes the entries of slabs_ below it

  std::vector<unsigned char> pages_in_memory_;  // sample_use() only, as the next four
  std::size_t sampled_next_ = 0;
  std::size_t pages_this_round_ = 0;
  std::size_t stacks_this_round_ = 0;
  bool has_seen_all_ = false;
  // Written by sample_use(), read by use(); publish nothing.
  std::atomic<std::size_t> high_water_bytes_{0};
  std::atomic<std::size_t> resident_bytes_each_{0};  // on average
};

}  // namespace sluice::internal
