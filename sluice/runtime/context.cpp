// SPDX-License-Identifier: MIT
#include <sluice/runtime/context.hpp>

#include <algorithm>
#include <mutex>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/asymmetric_fence.hpp>
#include <sluice/runtime/internal/start_timer.hpp>

namespace sluice {

namespace {

// A timer would end it as well, but within a turn of the scheduler: the caller may have done by then what is too late.
bool has_passed(Deadline deadline) noexcept {
  return !deadline.is_never() && deadline.left(internal::timer_clock()) == Duration::zero();
}

Error too_late() { return Error(Code::kDeadlineExceeded, "the deadline has passed"); }

}  // namespace

Context::Context() noexcept = default;

Context::Context(Context& parent) : Context(parent, Deadline(), false) {}

Context::Context(Context& parent, Duration timeout)
    : Context(parent, Deadline::after(internal::timer_clock(), timeout), timeout <= Duration::zero()) {}

Context::Context(Context& parent, Deadline deadline) : Context(parent, deadline, has_passed(deadline)) {}

Context::Context(Context& parent, Deadline deadline, bool has_passed)
    : parent_(&parent), deadline_(std::min(deadline, parent.deadline_)) {
  link_.child = this;
  follows_parent_ = parent.subscribe(link_);
  if (!follows_parent_) {
    mark_cancelled_unlocked(*parent.cause_);  // which is constant by now
    return;
  }
  if (deadline_ >= parent.deadline_) return;
  if (has_passed) {
    cancel(too_late());
    return;
  }
  link_.fire = [](internal::Timer* self) noexcept { static_cast<Link*>(self)->child->cancel(too_late()); };
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
  // Who is seen to wait needs no fence, which costs as much as waking twenty: thousands of deadlines may pass at a time.
  if (tell_all_unlocked(Step::kWakeIfSeen)) return;
  // Forbidden: a fiber sees its context alive, and we do not see that it waits. Pairs with the light fence in Wait::Wait.
  internal::AsymmetricFence::heavy();
  tell_all_unlocked(Step::kWake);
}

// False: it has been before, and its cause stays.
bool Context::mark_cancelled_unlocked(const Error& cause) noexcept {
  if (cause_) return false;
  cause_ = cause;
  cancelled_.store(true, std::memory_order_release);  // release: pairs with the acquire in is_cancelled
  return true;
}

// Down and up again without calls of its own, for a line of descendants may be longer than the stack: the tree is its own
// way back. The locks from here down to `at` are held; so a child on that way that is about to die waits for its parent's.
// False: somebody may be about to wait, and the rest was not told; only at kWakeIfSeen.
bool Context::tell_all_unlocked(internal::Cancellable::Step step) noexcept {
  Context* at = this;
  internal::Cancellable* node = waiting_.front();
  bool is_settled = true;
  for (;;) {
    if (node == nullptr) {
      if (at == this) return is_settled;
      at->lock_.unlock();
      node = &at->link_;
      at = at->parent_;
    } else if (node->on_cancel != nullptr) {
      is_settled = node->on_cancel(node, step) || step != internal::Cancellable::Step::kWakeIfSeen;
    } else if (Context* child = static_cast<Link*>(node)->child; child->enter_unlocked(step, *cause_)) {
      at = child;
      node = child->waiting_.front();
      continue;
    }
    node = is_settled ? at->waiting_.after(*node) : nullptr;
  }
}

// True: its lock is held, and all in its list are to be told. False: they have been, by whoever ended it before.
bool Context::enter_unlocked(internal::Cancellable::Step step, const Error& cause) noexcept {
  lock_.lock();
  if (step != internal::Cancellable::Step::kMark || mark_cancelled_unlocked(cause)) return true;
  lock_.unlock();
  return false;
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
