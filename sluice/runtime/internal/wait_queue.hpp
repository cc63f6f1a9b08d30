// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <sluice/runtime/internal/biased_lock.hpp>
#include <sluice/runtime/internal/intrusive_list.hpp>
#include <sluice/runtime/internal/park_reason.hpp>

namespace sluice {
class Context;
}

namespace sluice::internal {

struct Fiber;

/// A fiber's place in a primitive's queue, for the length of the wait: on its stack, or in its block (Fiber::emplace_wait).
struct Waiter : ListNode<Waiter> {
  explicit Waiter(Fiber* waiting, void* at = nullptr) noexcept : fiber(waiting), slot(at) {}

  Fiber* const fiber;
  void* const slot;        // channels: the value to take, or the room for one
  std::size_t units = 1;   // semaphores
  bool served = false;     // by the waker, under the primitive's lock: it did what the waiter wanted
  bool has_lost = false;   // mutexes: was woken once and came too late
};

/// Fibers whose waits were won under a lock, to be made runnable after it; a crowd in parts and before, while its blocks are
/// still in the cache. Usually it is one, so it holds no memory.
class Wakeups {
 public:
  void add(Fiber* fiber) noexcept;
  /// Makes them runnable, in the order they were added.
  void run() noexcept;

 private:
  Fiber* first_ = nullptr;
  Fiber* last_ = nullptr;
  int count_ = 0;
};

/// The fibers that wait for one primitive, first come first served. Guarded by that primitive's lock.
///
/// One protocol for all primitives:
///   waiter  1. locks, finds that it must wait        waker  1. locks, changes the state
///           2. push_back(waiter), Wait                      2. claim_front: takes the first one whose wait it wins
///           3. unlocks                                      3. unlocks
///           4. Wait::park: switches away                    4. Wakeups::run
/// A waiter whose context ended is claimed by that; claim_front drops it, or it removes itself.
class WaitQueue {
 public:
  [[nodiscard]] bool is_empty() const noexcept { return waiters_.is_empty(); }
  [[nodiscard]] Waiter* front() const noexcept { return waiters_.front(); }
  void push_back(Waiter& waiter) noexcept { waiters_.push_back(waiter); }
  void push_front(Waiter& waiter) noexcept { waiters_.push_front(waiter); }
  void remove(Waiter& waiter) noexcept { waiters_.remove(waiter); }

  /// Removes and returns the first waiter whose wait we ended, null if there is none. Its fiber is in `wakeups`, to be made
  /// runnable after unlocking.
  Waiter* claim_front(Wakeups& wakeups) noexcept;
  /// As above, but what has to be made runnable is the returned waiter's fiber.
  Waiter* claim_front() noexcept { return is_empty() ? nullptr : claim_any(); }
  /// As above, but tries the first one only; null also if its wait had ended otherwise. It leaves the queue either way.
  /// Requires: not empty.
  Waiter* claim_first(Wakeups& wakeups) noexcept;

 private:
  Waiter* claim_any() noexcept;

  IntrusiveList<Waiter> waiters_;
};

}  // namespace sluice::internal
