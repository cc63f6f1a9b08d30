// SPDX-License-Identifier: MIT
#include <sluice/runtime/task_group.hpp>

#include <mutex>

#include <sluice/runtime/internal/park.hpp>

namespace sluice {
namespace {

// Ends `other` with `ctx`: so a wait can follow two contexts of which neither is above the other.
class EndsToo {
 public:
  EndsToo(Context& ctx, Context& other) : ctx_(ctx) {
    link_.other = &other;
    link_.on_cancel = [](internal::Cancellable* self, internal::Cancellable::Step step) noexcept {
      if (step != internal::Cancellable::Step::kMark) static_cast<Link*>(self)->other->cancel();
      return true;
    };
    is_linked_ = ctx_.subscribe(link_);
    if (!is_linked_) other.cancel();
  }
  EndsToo(const EndsToo&) = delete;
  EndsToo& operator=(const EndsToo&) = delete;
  ~EndsToo() {
    if (is_linked_) ctx_.unsubscribe(link_);
  }

 private:
  struct Link final : internal::Cancellable {
    Context* other = nullptr;
  };

  Context& ctx_;
  Link link_;
  bool is_linked_ = false;
};

}  // namespace

TaskGroup::TaskGroup(Context& parent) : TaskGroup(parent, Options()) {}

TaskGroup::TaskGroup(Context& parent, Options options) : context_(parent), limit_(options.limit) {
  SLUICE_ASSERT(limit_ > 0, "a group that may run nothing would never start what it is given");
}

TaskGroup::~TaskGroup() {
  lock_.lock();
  bool have_all_ended = running_ == 0;
  lock_.unlock();
  if (have_all_ended) return;  // the usual case, and an Error costs more than a fiber
  context_.cancel();
  static_cast<void>(wait());  // nobody asked for the error
}

// False: the context has ended, and wait() will tell; else who gave work to the group would take it for done.
bool TaskGroup::begin() {
  SLUICE_ASSERT(limit_ == Options().limit, "a group with a limit starts fibers by go(ctx, fn) or try_go(fn)");
  bool is_alive = !context_.is_cancelled();
  std::lock_guard hold(lock_);
  if (is_alive) {
    ++running_;
  } else if (!first_error_) {
    first_error_ = context_.check().error();
  }
  return is_alive;
}

bool TaskGroup::try_begin() noexcept {
  std::lock_guard hold(lock_);
  if (running_ == limit_) return false;
  ++running_;
  return true;
}

Result<void> TaskGroup::begin_when_free(Context& ctx) {
  SLUICE_TRY(ctx.check());
  SLUICE_TRY(context_.check());
  if (try_begin()) return {};
  Context either(ctx);
  EndsToo with_the_group(context_, either);
  internal::Waiter waiter(&internal::this_fiber());
  lock_.lock();
  if (running_ < limit_) {  // since we looked
    ++running_;
    lock_.unlock();
    return {};
  }
  starters_.push_back(waiter);
  if (internal::wait_in_queue(starters_, waiter, lock_, internal::ParkReason::kTaskGroupRoom, &either)) return {};
  SLUICE_TRY(context_.check());  // first, for its cause may be the error of one of the fibers
  return ctx.check();
}

// Leaves its place to the next starter, if one waits.
void TaskGroup::end(Result<void> result) noexcept {
  internal::Wakeups wakeups;
  {
    std::lock_guard hold(lock_);
    if (!result && !first_error_) {
      first_error_ = std::move(result).error();
      context_.cancel(*first_error_);  // starters, too, so that none of them is found below
    }
    if (starters_.claim_front(wakeups) == nullptr && --running_ == 0)
      while (joiners_.claim_front(wakeups) != nullptr) {}
  }
  wakeups.run();
}

Result<void> TaskGroup::wait() {
  lock_.lock();
  while (running_ > 0) {
    internal::Waiter waiter(&internal::this_fiber());
    joiners_.push_back(waiter);
    internal::wait_in_queue(joiners_, waiter, lock_, internal::ParkReason::kTaskGroup, nullptr);
    lock_.lock();  // also so that end() has left the group before we may destroy it
  }
  auto error = first_error_;
  lock_.unlock();
  if (error) return fail(std::move(*error));
  return {};
}

}  // namespace sluice
