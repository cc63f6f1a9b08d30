// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <span>
#include <vector>

#include <sluice/runtime/internal/word_lock.hpp>

namespace sluice::internal {

struct Fiber;

/// Runnable fibers that belong to no processor: what does not fit into a processor's queue, and what comes from outside.
/// First come, first served. A ring of pointers, so that queueing a million fibers touches none of them; it grows with the
/// number of fibers, and so is bounded by theirs.
/// Threads: any.
class GlobalQueue {
 public:
  /// What the caller did is visible to whoever takes them. The size is written seq_cst: see Scheduler::sleep.
  void push(std::span<Fiber* const> fibers);
  /// Fills `room` from the front, with a fair share for one of `takers`; how many those are.
  std::size_t take_share(std::span<Fiber*> room, std::size_t takers) noexcept;

  /// A hint, but for who has announced before that it goes to sleep.
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(); }
  [[nodiscard]] std::size_t size_approx() const noexcept {
    return size_.load(std::memory_order_relaxed);  // relaxed: a hint
  }

 private:
  void make_room(std::size_t count);

  WordLock lock_;
  std::vector<Fiber*> ring_ = std::vector<Fiber*>(1024);  // guarded by lock_; its size is a power of two
  std::size_t first_ = 0;                                 // guarded by lock_; where the oldest is
  std::atomic<std::size_t> size_{0};                      // written under lock_, read by all; see the sleep protocol
};

}  // namespace sluice::internal
