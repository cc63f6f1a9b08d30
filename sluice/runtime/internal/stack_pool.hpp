// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <sluice/runtime/internal/word_lock.hpp>

namespace sluice::internal {

/// How the lowest page of each stack is kept from being written.
enum class GuardKind : std::uint8_t {
  kLight,  ///< MADV_GUARD_INSTALL (Linux 6.13): splits no mapping, so it holds for millions
  kSplit,  ///< mprotect: two mappings a stack, of which a process may have 65,530 by default
  kNone,   ///< the budget of mappings is spent: overflow is noticed when the fiber next parks
};

/// A stack: [low, low + bytes) is usable, the guard page lies below.
struct Stack {
  std::byte* low = nullptr;
  std::size_t bytes = 0;
};

/// Stacks for fibers, cut from slabs of address space, so that a million of them stay within the kernel's default number
/// of mappings. Memory is committed when a stack is used, and given back in bulk when many lie idle.
/// Threads: take_some and put_some: any. Lifetime: outlives all fibers.
class StackPool {
 public:
  /// `stack_bytes`: address space of one stack, its guard page included; rounded up to pages, at least four.
  /// `guard`: for tests; the best that the kernel has by default.
  explicit StackPool(std::size_t stack_bytes, GuardKind guard = best_guard());
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;
  ~StackPool();

  [[nodiscard]] static GuardKind best_guard() noexcept;

  /// Appends up to `wanted` stacks to `to`; none if the kernel refuses address space.
  void take_some(std::vector<Stack>& to, std::size_t wanted);
  /// Takes back the last `count` stacks of `from`.
  void put_some(std::vector<Stack>& from, std::size_t count);

  /// The stack whose guard page holds this address; nothing if it is no guard of ours. Takes no lock, may be called from
  /// a signal handler.
  [[nodiscard]] Stack stack_above_guard(const void* address) const noexcept;
  /// Of each stack, without its guard.
  [[nodiscard]] std::size_t usable_bytes() const noexcept { return stack_bytes_ - page_bytes_; }

 private:
  static constexpr std::size_t kSlabBytes = std::size_t{64} << 20;  // 256 stacks of the default size
  static constexpr std::size_t kMaxSlabs = 4096;                    // a million default stacks and a few

  bool add_slab();
  void guard(std::byte* page) noexcept;

  const std::size_t page_bytes_;
  const std::size_t stack_bytes_;
  const std::size_t stacks_per_slab_;
  const GuardKind guard_kind_;
  WordLock lock_;
  std::vector<Stack> free_;           // guarded by lock_
  std::size_t split_guards_left_;     // guarded by lock_
  // Slabs, in the order they were made. Written under lock_, each once; read without by stack_above_guard.
  std::vector<std::atomic<std::byte*>> slabs_;
  std::atomic<std::size_t> slab_count_{0};  // publishes the entries of slabs_ below it
};

}  // namespace sluice::internal
