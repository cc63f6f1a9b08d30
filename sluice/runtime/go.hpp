// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/internal/spawn.hpp>

namespace sluice {

struct RuntimeOptions {
  /// How many fibers run at the same moment; 0 = as many as this process may use processors (affinity and cgroup).
  std::size_t processors = 0;
  /// Address space of one fiber's stack; rounded up to pages. Memory is committed by use.
  std::size_t stack_bytes = std::size_t{256} * 1024;
  /// Seeds the choices that the scheduler makes at random (whom to rob, which ready case select takes).
  /// 0 = a different seed in each run.
  std::uint64_t seed = 0;
  /// For tests: timers follow this clock instead of the machine's, and whenever every fiber waits it jumps to the next
  /// timer. Requires: processors == 1.
  ManualClock* clock = nullptr;
};

/// Starts the runtime, runs `main` as its first fiber, and returns what the process should exit with: 0, or 1 after
/// writing main's error to standard error. Fibers that still exist when main returns are abandoned, as in Go: they never
/// go on, and their destructors do not run. run() itself returns when those that are running at that moment have come to
/// their next wait, and calls of blocking() have returned: no thread of ours outlives it. One runtime per process at a time.
///
///   int main() { return sluice::run([](sluice::Context& ctx) -> sluice::Result<void> { ... }); }
int run(std::function<Result<void>(Context&)> main, RuntimeOptions options = {},
        std::source_location where = std::source_location::current());

/// The clock that timers follow. Requires: a running runtime.
[[nodiscard]] Clock& runtime_clock() noexcept;

/// Starts a fiber that nobody waits for, as Go's `go` does: for what outlives its starter on purpose. Prefer TaskGroup.
/// `fn` is called as fn() or fn(Context&) with the runtime's root context; an exception that leaves it ends the process.
/// kResourceExhausted: no stack to be had; fn was not called. Requires: in a fiber. Never parks.
template <class F>
Result<void> go(F fn, std::source_location where = std::source_location::current());

/// Lets others run; the caller stays runnable. Returns at once outside of fibers and inside blocking().
void yield();

/// Parks for this long. The cause of ctx if that ends first.
Result<void> sleep(Context& ctx, Duration length);

/// Fibers that belong together end together: the first error cancels the others, and nobody leaves before all have.
///
///   TaskGroup group{ctx};
///   group.go([&](Context& ctx) -> Result<void> { return fetch(ctx, a); });
///   group.go([&](Context& ctx) -> Result<void> { return fetch(ctx, b); });
///   SLUICE_TRY(group.wait());
///
/// Threads: go() from any fiber that the group outlives, also from its own. Lifetime: declare it last in its class or
/// scope, so that its fibers end before what they use. Source: Go's errgroup, with joining that cannot be forgotten.
class TaskGroup {
 public:
  explicit TaskGroup(Context& parent);
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  /// Cancels what still runs, then parks until all have ended.
  ~TaskGroup();

  /// Starts fn(Context&) with the group's context; it returns Result<void> or nothing. Never parks. If no stack is to be
  /// had, or the group is cancelled already, fn is not called; the first counts as its error (kResourceExhausted).
  /// What the caller did before is visible to fn.
  template <class F>
  void go(F fn, std::source_location where = std::source_location::current());

  /// Parks until all have ended; the first error, if any. What they did is visible to the caller. May be called again.
  Result<void> wait();

  /// Ends with the parent, at the first error, or when cancelled.
  [[nodiscard]] Context& context() noexcept { return context_; }

 private:
  void begin() noexcept;
  void end(Result<void> result) noexcept;

  Context context_;
  internal::BiasedLock lock_;
  std::size_t running_ = 0;             // guarded by lock_
  std::optional<Error> first_error_;    // guarded by lock_
  internal::WaitQueue joiners_;         // guarded by lock_
};

// ---- implementation ----

template <class F>
Result<void> go(F fn, std::source_location where) {
  return internal::spawn(
      [fn = std::move(fn)]() mutable {
        if constexpr (std::invocable<F&, Context&>) {
          static_cast<void>(fn(internal::root_context()));  // nobody is there to take its result
        } else {
          static_cast<void>(fn());
        }
      },
      &internal::root_context(), where);
}

template <class F>
void TaskGroup::go(F fn, std::source_location where) {
  static_assert(std::invocable<F&, Context&>, "a group's fiber takes the group's Context&");
  if (context_.is_cancelled()) return;
  begin();
  // optional: what fn captured must be gone before end() lets wait() return.
  auto started = internal::spawn(
      [this, fn = std::optional<F>(std::move(fn))]() mutable {
        Result<void> result;
        if constexpr (std::is_void_v<std::invoke_result_t<F&, Context&>>) {
          (*fn)(context_);
        } else {
          result = (*fn)(context_);
        }
        fn.reset();
        internal::forget_own_context();  // after end() the group, and with it the context, may be gone
        end(std::move(result));
      },
      &context_, where);
  if (!started) end(std::move(started));
}

}  // namespace sluice
