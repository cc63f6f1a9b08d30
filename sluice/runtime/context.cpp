// SPDX-License-Identifier: MIT
#include <sluice/runtime/context.hpp>

#include <algorithm>
#include <mutex>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/asymmetric_fence.hpp>
#include <sluice/runtime/internal/start_timer.hpp>

namespace sluice {

Context::Context() noexcept = default;

Context::Context(Context& parent) : Context(parent, Deadline()) {}

Context::Context(Context& parent, Duration timeout)
    : Context(parent, Deadline::after(internal::timer_clock(), timeout)) {}

Context::Context(Context& parent, Deadline deadline)
    : parent_(&parent), deadline_(std::min(deadline, parent.deadline_)) {
  link_.child = this;
  link_.on_cancel = [](internal::Cancellable* self, internal::Cancellable::Step step) noexcept {
    static_cast<Link*>(self)->child->follow_parent(step);
  };
  follows_parent_ = parent.subscribe(link_);
  if (!follows_parent_) follow_parent(internal::Cancellable::Step::kMark);
  if (deadline_ >= parent.deadline_) return;
  link_.fire = [](internal::Timer* self) noexcept {
    static_cast<Link*>(self)->child->cancel(Error(Code::kDeadlineExceeded, "the deadline has passed"));
  };
  internal::start_timer(link_, deadline_);
}

Context::~Context() {
  internal::TimerWheel::stop(link_);
  if (follows_parent_) parent_->unsubscribe(link_);
  SLUICE_ASSERT(waiting_.is_empty(), "a context outlives its children and whoever waits with it");
}

void Context::cancel(Error cause) {
  using Step = internal::Cancellable::Step;
  std::lock_guard hold(lock_);
  if (!mark_cancelled_unlocked(cause) || waiting_.is_empty()) return;
  tell_all_unlocked(Step::kMark);
  // Forbidden: a fiber sees its context alive, and we do not see that it waits. Pairs with the light fence in Wait::Wait.
  internal::AsymmetricFence::heavy();
  tell_all_unlocked(Step::kWake);
}

// A child that dies in between waits for our lock to leave the list.
void Context::follow_parent(internal::Cancellable::Step step) noexcept {
  std::lock_guard hold(lock_);
  // The parent's cause is constant by now, or its lock is held for us.
  if (step == internal::Cancellable::Step::kMark && !mark_cancelled_unlocked(*parent_->cause_)) return;
  tell_all_unlocked(step);
}

// False: it has been before, and its cause stays.
bool Context::mark_cancelled_unlocked(const Error& cause) noexcept {
  if (cause_) return false;
  cause_ = cause;
  cancelled_.store(true, std::memory_order_release);  // release: pairs with the acquire in is_cancelled
  return true;
}

void Context::tell_all_unlocked(internal::Cancellable::Step step) noexcept {
  for (internal::Cancellable* node = waiting_.front(); node != nullptr; node = waiting_.after(*node))
    node->on_cancel(node, step);
}

Result<void> Context::check() const {
  if (!is_cancelled()) return {};
  return fail(Error(*cause_));
}

bool Context::subscribe(internal::Cancellable& node) noexcept {
  std::lock_guard hold(lock_);
  if (cause_) return false;
  waiting_.push_back(node);
  return true;
}

void Context::unsubscribe(internal::Cancellable& node) noexcept {
  std::lock_guard hold(lock_);
  waiting_.remove(node);
}

const Context::Value* Context::find(const void* key) const noexcept {
  for (const Context* at = this; at != nullptr; at = at->parent_)
    for (const Value* value = at->values_.get(); value != nullptr; value = value->next.get())
      if (value->key == key) return value;
  return nullptr;
}

}  // namespace sluice
