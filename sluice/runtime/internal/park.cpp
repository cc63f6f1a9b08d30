// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/park.hpp>

namespace sluice::internal {

void forget_own_context() noexcept {
  Fiber& self = this_fiber();
  Fiber::Membership& membership = self.membership;
  if (membership.subscriber != nullptr) self.own_context->unsubscribe(membership);  // until then cancel() looks at it
  membership.subscriber = nullptr;
  self.own_context = nullptr;
}

bool join_own_context(Fiber& fiber) noexcept {
  fiber.membership.on_cancel = [](Cancellable* self, Cancellable::Step step) noexcept {
    Fiber& waiting = *static_cast<Fiber::Membership*>(self)->subscriber;
    if (step == Cancellable::Step::kWake && waiting.claim(Fiber::kContextEndedToken, true)) make_ready(waiting);
  };
  fiber.membership.subscriber = &fiber;
  bool has_joined = fiber.own_context->subscribe(fiber.membership);
  if (!has_joined) fiber.membership.subscriber = nullptr;
  return has_joined;
}

bool Wait::follow_other() noexcept {
  subscription_.fiber = &fiber_;
  subscription_.on_cancel = [](Cancellable* self, Cancellable::Step step) noexcept {
    Fiber& waiting = *static_cast<Subscription*>(self)->fiber;
    if (step == Cancellable::Step::kWake && waiting.claim(Fiber::kContextEndedToken)) make_ready(waiting);
  };
  return is_subscribed_ = ctx_->subscribe(subscription_);
}

void Wait::give_up() noexcept {
  may_park_ = false;
  is_claimed_ = !fiber_.wait_word.give_up();  // whoever it was, has put us into a run queue
}

void Wait::clean_up() noexcept {
  if (is_claimed_) park_current();
  if (is_subscribed_) ctx_->unsubscribe(subscription_);
}

}  // namespace sluice::internal
