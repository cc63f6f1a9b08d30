// SPDX-License-Identifier: MIT
#include <sluice/runtime/context.hpp>

#include <algorithm>
#include <mutex>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/deadline_timer.hpp>

namespace sluice {

Context::Context() noexcept = default;

Context::Context(Context& parent) : Context(parent, Deadline()) {}

Context::Context(Context& parent, Duration timeout)
    : Context(parent, Deadline::after(internal::timer_clock(), timeout)) {}

Context::Context(Context& parent, Deadline deadline)
    : parent_(&parent), deadline_(std::min(deadline, parent.deadline_)) {
  link_.child = this;
  link_.on_cancel = [](internal::Cancellable* self) noexcept {
    static_cast<Link*>(self)->child->adopt_parent_cancellation();
  };
  follows_parent_ = parent.subscribe(link_);
  if (!follows_parent_) adopt_parent_cancellation();
  if (deadline_ < parent.deadline_) timer_ = std::make_unique<internal::DeadlineTimer>(*this, deadline_);
}

Context::~Context() {
  timer_.reset();
  if (follows_parent_) parent_->unsubscribe(link_);
  SLUICE_ASSERT(waiting_.is_empty(), "a context outlives its children and whoever waits with it");
}

void Context::cancel(Error cause) {
  std::lock_guard hold(lock_);
  cancel_with_lock_held(cause);
}

void Context::adopt_parent_cancellation() {
  std::lock_guard hold(lock_);
  cancel_with_lock_held(*parent_->cause_);  // the parent's cause is constant by now, or its lock is held for us
}

void Context::cancel_with_lock_held(const Error& cause) noexcept {
  if (cause_) return;
  cause_ = cause;
  cancelled_.store(true);  // seq_cst: before the loop below; see Wait::Wait
  for (internal::Cancellable* node = waiting_.front(); node != nullptr; node = waiting_.after(*node))
    node->on_cancel(node);
}

bool Context::is_cancelled() const noexcept { return cancelled_.load(); }

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
