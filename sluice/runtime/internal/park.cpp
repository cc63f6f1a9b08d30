// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/park.hpp>

namespace sluice::internal {
namespace {

// True: its wait has been ended. False: it was not seen to wait; or it was not for us, at kMark.
bool end_wait_at(Cancellable::Step step, Fiber& waiting, WaitWord::Token follows) noexcept {
  bool is_ours = step != Cancellable::Step::kMark && waiting.claim(Fiber::kContextEndedToken, follows);
  if (is_ours) make_ready(waiting);
  return is_ours;
}

}  // namespace

void forget_own_context() noexcept {
  Fiber& self = this_fiber();
  // until then cancel() looks at it
  if (self.follows_own_by == WaitWord::kFollowsOwn) self.own_context->unsubscribe(self.membership);
  self.follows_own_by = 0;
  self.own_context = nullptr;
}

// Most fibers of a program may wait with its root, on all processors: its lock would be everybody's. So its members are in no
// list; whoever ends it goes through all fibers.
bool join_own_context(Fiber& fiber) noexcept {
  if (fiber.own_context == &root_context()) {
    fiber.follows_own_by = WaitWord::kFollowsRoot;
    return true;
  }
  fiber.membership.on_cancel = [](Cancellable* self, Cancellable::Step step) noexcept {
    return end_wait_at(step, *static_cast<Fiber::Membership*>(self)->subscriber, WaitWord::kFollowsOwn);
  };
  fiber.membership.subscriber = &fiber;
  if (!fiber.own_context->subscribe(fiber.membership)) return false;
  fiber.follows_own_by = WaitWord::kFollowsOwn;
  return true;
}

bool Wait::follow_other() noexcept {
  subscription_.fiber = &fiber_;
  subscription_.on_cancel = [](Cancellable* self, Cancellable::Step step) noexcept {
    return end_wait_at(step, *static_cast<Subscription*>(self)->fiber, 0);
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
