// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <sluice/runtime/context.hpp>
#include <sluice/runtime/internal/asymmetric_fence.hpp>
#include <sluice/runtime/internal/fiber.hpp>
#include <sluice/runtime/internal/machine.hpp>
#include <sluice/runtime/internal/park_reason.hpp>

namespace sluice::internal {

/// The fiber that calls. Requires: in a fiber.
[[nodiscard]] inline Fiber& this_fiber() noexcept { return here().fiber; }

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
    // relaxed: nobody else cares; a claim that comes too late finds no kWaiting, before and after.
    fiber_.wait_word.store(Fiber::kRunning, std::memory_order_relaxed);
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
void park_current() noexcept;

/// Puts a fiber, whose wait the caller has won or which is new, where it will run soon.
void make_ready(Fiber& fiber) noexcept;

// ---- implementation ----

// At a fiber's first wait, so that those that never wait do not pay for it. False: its context has ended.
bool join_own_context(Fiber& fiber) noexcept;

inline Wait::Wait(Context* ctx, Fiber& self) noexcept : fiber_(self), ctx_(ctx) {
  std::uintptr_t word = Fiber::kWaiting;
  if (ctx_ != nullptr) {
    if (ctx_ == fiber_.own_context) {
      may_park_ = fiber_.membership.subscriber != nullptr || join_own_context(fiber_);
      word |= Fiber::kFollowsOwn;
    } else {
      may_park_ = follow_other();
    }
    if (!may_park_) return;
  }
  // relaxed: published by the lock that the caller holds, and to the context by the fence.
  fiber_.wait_word.store(word, std::memory_order_relaxed);
  if (ctx_ == nullptr) return;
  // Forbidden: we see the context alive, and cancel(), which sets its flag first, does not see that we wait.
  AsymmetricFence::light();
  if (ctx_->is_cancelled()) [[unlikely]]
    give_up();
}

// Inline, as everything that is left by a switch: see stack_switch.hpp.
[[gnu::always_inline]] inline std::uintptr_t Wait::park(ParkReason reason) noexcept {
  fiber_.reason.store(reason, std::memory_order_relaxed);  // relaxed: for dumps
  park_current();
  // acquire: pairs with the claim; we see what the claimer did before.
  return fiber_.wait_word.load(std::memory_order_acquire);
}

}  // namespace sluice::internal
