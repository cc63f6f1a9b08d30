// SPDX-License-Identifier: MIT
#include <sluice/runtime/go.hpp>

#include <cstdio>
#include <mutex>
#include <string>

#include <sluice/runtime/internal/deadline_timer.hpp>
#include <sluice/runtime/internal/park.hpp>
#include <sluice/runtime/internal/scheduler.hpp>

namespace sluice {
namespace {

struct SleepTimer final : internal::Timer {
  internal::Fiber* fiber = nullptr;
};

}  // namespace

int run(std::function<Result<void>(Context&)> main, RuntimeOptions options, std::source_location where) {
  Result<void> result;
  {
    internal::Scheduler scheduler(options);
    scheduler.run([&] { result = main(scheduler.root()); }, where);
  }
  if (result) return 0;
  std::fprintf(stderr, "%s\n", result.error().describe().c_str());
  return 1;
}

Clock& runtime_clock() noexcept { return internal::timer_clock(); }

void yield() {
  internal::Machine* machine = internal::current_machine();
  if (machine != nullptr && machine->current != nullptr && machine->processor != nullptr)
    internal::Scheduler::running().yield_current();
}

Result<void> sleep(Context& ctx, Duration length) {
  if (ctx.is_cancelled()) return ctx.check();
  internal::Wait wait(&ctx);
  if (!wait.may_park()) return ctx.check();
  SleepTimer timer;
  timer.fiber = &internal::this_fiber();
  timer.fire = [](internal::Timer* self) noexcept {
    internal::Fiber& fiber = *static_cast<SleepTimer*>(self)->fiber;
    if (fiber.claim(reinterpret_cast<std::uintptr_t>(self))) internal::make_ready(fiber);
  };
  internal::Scheduler& scheduler = internal::Scheduler::running();
  scheduler.processor().timers.add(timer, Deadline::after(scheduler.clock(), length).when());
  std::uintptr_t token = wait.park(internal::ParkReason::kSleep);
  internal::TimerHeap::stop(timer);
  if (token == internal::Fiber::kContextEndedToken) return ctx.check();
  return {};
}

TaskGroup::TaskGroup(Context& parent) : context_(parent) {}

TaskGroup::~TaskGroup() {
  lock_.lock();
  bool have_all_ended = running_ == 0;
  lock_.unlock();
  if (have_all_ended) return;  // the usual case, and an Error costs more than a fiber
  context_.cancel();
  static_cast<void>(wait());  // nobody asked for the error
}

void TaskGroup::begin() noexcept {
  std::lock_guard hold(lock_);
  ++running_;
}

void TaskGroup::end(Result<void> result) noexcept {
  internal::Wakeups wakeups;
  {
    std::lock_guard hold(lock_);
    if (!result && !first_error_) {
      first_error_ = std::move(result).error();
      context_.cancel(*first_error_);
    }
    if (--running_ == 0)
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
