// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <deque>
#include <optional>
#include <source_location>
#include <span>
#include <vector>

#include <sluice/runtime/internal/fiber.hpp>
#include <sluice/runtime/internal/stack_trace.hpp>
#include <sluice/runtime/internal/word_lock.hpp>

namespace sluice::internal {

/// Control blocks of fibers, cut from slabs, so that a million of them lie side by side, and whoever wants to see all fibers
/// (a dump, gdb, the metrics) walks the slabs: no fiber pays for being listed.
/// Threads: any; trim() by one at a time. Lifetime: outlives all fibers.
class FiberPool {
 public:
  FiberPool() = default;
  FiberPool(const FiberPool&) = delete;
  FiberPool& operator=(const FiberPool&) = delete;
  ~FiberPool();

  /// Appends up to `wanted` blocks to `to`; none if there is no memory or there are kMaxFibers.
  void take_some(std::vector<Fiber*>& to, std::size_t wanted);
  /// Takes back the last `count` blocks of `from`.
  void put_some(std::vector<Fiber*>& from, std::size_t count);
  /// Gives back the memory of slabs without a fiber, but for some. Meant to be called about once a second.
  void trim();
  /// Whether trim() might find something.
  [[nodiscard]] bool has_surplus();

  /// Calls look(Fiber&) for each block that belongs to a fiber. It may end, and another begin in the same block, while
  /// we look: what is to be read is atomic or checked against the id. Takes no lock, may be called from a signal handler.
  template <class Look>
  void for_each(Look look) const;

  /// Where that fiber was started; nothing if it has ended. As for_each.
  [[nodiscard]] std::optional<std::source_location> started_at(std::uint64_t id) const;

  static constexpr std::size_t kMaxFibers = std::size_t{4} << 20;

 private:
  friend struct DebugLayout;

  static constexpr std::size_t kFibersPerSlab = 1024;  // 320 KiB
  static constexpr std::size_t kSlabs = kMaxFibers / kFibersPerSlab;
  static constexpr std::size_t kWarmFibers = 10'000;  // keep their memory: 3 MiB

  static constexpr std::size_t kSlabBytes = kFibersPerSlab * sizeof(Fiber);

  bool add_slab();
  [[nodiscard]] bool has_surplus_unlocked() const noexcept;
  std::deque<Fiber*> take_free();
  static bool begins_empty_slab(std::span<Fiber* const> free) noexcept;

  WordLock lock_;
  std::deque<Fiber*> free_;      // guarded by lock_; the one used last at the back. No list: that is read block by block
  std::size_t count_after_trim_ = 0;  // guarded by lock_; of free ones, then
  std::vector<Fiber*> cold_;     // guarded by lock_; slabs whose memory has been given back
  // In the order they were made. Written under lock_, each once; read without by for_each.
  std::array<std::atomic<Fiber*>, kSlabs> slabs_{};
  std::atomic<std::size_t> slab_count_{0};  // publishes the entries of slabs_ below it
};

// ---- implementation ----

template <class Look>
void FiberPool::for_each(Look look) const {
  // acquire: pairs with the release in add_slab.
  std::size_t count = slab_count_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    Fiber* slab = slabs_[i].load(std::memory_order_relaxed);  // relaxed: published by the count
    for (std::size_t k = 0; k < kFibersPerSlab; ++k)
      // By peek: whoever fills a block in writes the zero that is there once more, and not as an atomic.
      if (peek(&slab[k].id) != 0) look(slab[k]);
  }
}

}  // namespace sluice::internal
