// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <sluice/runtime/context.hpp>
#include <sluice/runtime/internal/fiber.hpp>
#include <sluice/runtime/internal/scheduler.hpp>
#include <sluice/runtime/internal/wait_queue.hpp>
#include <sluice/runtime/internal/park_reason.hpp>

namespace sluice::internal {

/// The fiber that calls. Requires: in a fiber.
[[nodiscard]] inline Fiber& this_fiber() noexcept { return *here().fiber; }

/// One wait of the calling fiber.
///
///   1. publish who may end it, under that one's lock          (it cannot claim before 2, for the lock is held until 3)
///   2. Wait wait(ctx): from here the wait can be claimed
///   3. unlock
///   4. token = wait.park(reason), if wait.may_park()
///   5. withdraw what was published, under its lock, unless its owner took it out when it claimed
///
/// A wait that has begun and is claimed is parked once in any case: its fiber is in a run queue. The destructor sees to it
/// if step 4 was left out.
class Wait {
 public:
  /// Also ends when `ctx` does; null: only by a claim.
  explicit Wait(Context* ctx) noexcept : Wait(ctx, this_fiber()) {}
  /// For who knows already which fiber it is in.
  Wait(Context* ctx, Fiber& self) noexcept;
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait() {
    if (is_claimed_ || is_subscribed_) [[unlikely]]
      clean_up();
    fiber_.wait_word.end();
  }

  /// False: ctx had ended before we could wait; do not park, withdraw what was published.
  [[nodiscard]] bool may_park() const noexcept { return may_park_; }
  /// Returns the token of who ended it: an address, or Fiber::kContextEndedToken. No lock is held meanwhile.
  /// Requires: may_park().
  std::uintptr_t park(ParkReason reason) noexcept;

 private:
  struct Subscription final : Cancellable {
    Fiber* fiber = nullptr;
  };

  bool follow_other() noexcept;
  void give_up() noexcept;
  void clean_up() noexcept;

  Fiber& fiber_;
  Context* const ctx_;
  Subscription subscription_;  // in ctx_ if is_subscribed_; the fiber's own context has its membership instead
  bool is_subscribed_ = false;
  bool may_park_ = true;
  bool is_claimed_ = false;  // and has not been parked
};

/// Leaves the current fiber, whose wait has begun; returns when it has been claimed.
void park_current(Leaving how = Leaving::kWaits) noexcept;

/// Releases `lock` and parks the current fiber, which is in `queue`. True: a waker claimed it.
/// False: `ctx` ended first; the waiter has left the queue. The lock is not held afterwards.
/// Null ctx: cannot be cancelled. Requires: lock held, waiter.fiber is the current one.
bool wait_in_queue(WaitQueue& queue, Waiter& waiter, BiasedLock& lock, ParkReason reason, Context* ctx) noexcept;

/// Puts a fiber, whose wait the caller has won or which is new, where it will run soon.
void make_ready(Fiber& fiber) noexcept;

// ---- implementation ----

// At a fiber's first wait, so that those that never wait do not pay for it. False: its context has ended.
bool join_own_context(Fiber& fiber) noexcept;

inline Wait::Wait(Context* ctx, Fiber& self) noexcept : fiber_(self), ctx_(ctx) {
  if (ctx_ == nullptr) {
    fiber_.wait_word.begin();
    return;
  }
  bool is_own = ctx_ == fiber_.own_context;
  may_park_ = is_own ? fiber_.follows_own_by != 0 || join_own_context(fiber_) : follow_other();
  WaitWord::Token follows = is_own ? fiber_.follows_own_by : 0;
  if (may_park_ && !fiber_.wait_word.begin(follows, [&] { return ctx_->is_cancelled(); })) [[unlikely]]
    give_up();
}

// Inline, as everything that is left by a switch: see stack_switch.hpp.
[[gnu::always_inline]] inline std::uintptr_t Wait::park(ParkReason reason) noexcept {
  fiber_.reason.store(reason, std::memory_order_relaxed);  // relaxed: for dumps
  park_current(leaving_for(reason));
  return fiber_.wait_word.token();
}

/// At the beginning of what may be called in a loop: see RuntimeOptions::hog_after.
inline void yield_if_asked(Current& at) noexcept {
  // relaxed: seen late, it is granted late.
  if (at.processor->is_asked_to_yield.load(std::memory_order_relaxed)) [[unlikely]]
    Scheduler::running().yield_current();
}

[[gnu::always_inline]] inline void park_current(Leaving how) noexcept {
  Current& at = here();
  // relaxed, both: for dumps
  at.fiber->since_ns.store(at.processor->coarse_now_ns.load(std::memory_order_relaxed), std::memory_order_relaxed);
  Scheduler& scheduler = Scheduler::running();
  scheduler.switch_to(*at.machine, scheduler.successor(*at.processor, how));
}

[[gnu::always_inline]] inline bool wait_in_queue(WaitQueue& queue, Waiter& waiter, BiasedLock& lock, ParkReason reason, Context* ctx) noexcept {
  Wait wait(ctx, *waiter.fiber);
  if (wait.may_park()) {
    lock.unlock();
    if (wait.park(reason) == reinterpret_cast<std::uintptr_t>(&waiter)) return true;
    lock.lock();
  }
  if (waiter.is_linked()) queue.remove(waiter);
  lock.unlock();
  return false;
}

}  // namespace sluice::internal
