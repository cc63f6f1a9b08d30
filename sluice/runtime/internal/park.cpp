// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/park.hpp>

#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/machine.hpp>
#include <sluice/runtime/internal/scheduler.hpp>

namespace sluice::internal {

Fiber& this_fiber() noexcept {
  Machine* machine = current_machine();
  SLUICE_ASSERT(machine != nullptr && machine->current != nullptr, "only a fiber can wait: call this inside sluice::run");
  SLUICE_ASSERT(machine->processor != nullptr, "nothing parks inside blocking()");
  return *machine->current;
}

Context& own_context() noexcept { return *this_fiber().own_context; }

void forget_own_context() noexcept {
  Fiber& self = this_fiber();
  if (std::exchange(self.membership.is_subscribed, false)) self.own_context->unsubscribe(self.membership);
  self.own_context = nullptr;
}

Wait::Wait(Context* ctx) noexcept : fiber_(this_fiber()), ctx_(ctx) {
  if (ctx_ == nullptr) {
    fiber_.wait_word.store(Fiber::kPreparing, std::memory_order_relaxed);  // relaxed: published under the waker's lock
  } else if (ctx_ == fiber_.own_context) {
    Fiber::Membership& membership = fiber_.membership;
    if (!membership.is_subscribed) membership.is_subscribed = ctx_->subscribe(membership);
    may_park_ = membership.is_subscribed;
    if (!may_park_) return;
    // seq_cst: either we see the flag below, or cancel(), which sets it first, sees that we are about to wait.
    fiber_.wait_word.exchange(Fiber::kPreparing | Fiber::kFollowsOwn);
    may_park_ = !ctx_->is_cancelled();
  } else {
    subscription_.fiber = &fiber_;
    subscription_.on_cancel = [](Cancellable* self) noexcept {
      Fiber& waiting = *static_cast<Subscription*>(self)->fiber;
      if (waiting.claim(Fiber::kContextEndedToken) == Claim::kParked) make_ready(waiting);
    };
    fiber_.wait_word.store(Fiber::kPreparing, std::memory_order_relaxed);  // relaxed: published under the context's lock
    is_subscribed_ = may_park_ = ctx_->subscribe(subscription_);
  }
}

Wait::~Wait() {
  if (is_subscribed_) ctx_->unsubscribe(subscription_);
  // relaxed: nobody else cares; a claim that comes too late finds neither kPreparing nor kWaiting, before and after.
  fiber_.wait_word.store(Fiber::kRunning, std::memory_order_relaxed);
  fiber_.reason.store(ParkReason::kNone, std::memory_order_relaxed);  // relaxed: for dumps
}

std::uintptr_t Wait::park(ParkReason reason, void (*commit)(void*) noexcept, void* argument) noexcept {
  fiber_.reason.store(reason, std::memory_order_relaxed);  // relaxed: for dumps
  Scheduler::running().park_current(commit, argument);
  // acquire: pairs with the claim; we see what the claimer did before.
  return fiber_.wait_word.load(std::memory_order_acquire);
}

}  // namespace sluice::internal
