// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <limits>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/internal/biased_lock.hpp>
#include <sluice/runtime/internal/spawn.hpp>
#include <sluice/runtime/internal/wait_queue.hpp>

namespace sluice {

/// Fibers that belong together end together: the first error cancels the others, and nobody leaves before all have.
///
///   TaskGroup group{ctx};
///   group.go([&](Context& ctx) -> Result<void> { return fetch(ctx, a); });
///   group.go([&](Context& ctx) -> Result<void> { return fetch(ctx, b); });
///   SLUICE_TRY(group.wait());
///
/// With a limit, so many of them run at a time, and who starts another one waits for its turn, first come, first served:
///
///   TaskGroup group{ctx, {.limit = 8}};
///   for (const Url& url : urls) SLUICE_TRY(group.go(ctx, [&](Context& ctx) { return fetch(ctx, url); }));
///   SLUICE_TRY(group.wait());
///
/// A fiber is called as fn(Context&) with the group's context and returns Result<void> or nothing; an exception that
/// leaves it ends the process, as for go(). What its starter did before is visible to it; what it did, to whoever waits for
/// the group, and to a fiber that got its place.
/// Threads: any fiber that the group outlives may start others, also one of its own. Lifetime: declare it last in its class
/// or scope, so that its fibers end before what they use. Source: Go's errgroup, with joining that cannot be forgotten.
class TaskGroup {
 public:
  struct Options {
    /// Fibers at a time; more than none. A fiber of the group that waits for its own group's turn keeps a place meanwhile:
    /// if all do, they wait until they are cancelled.
    std::size_t limit = std::numeric_limits<std::size_t>::max();
  };

  explicit TaskGroup(Context& parent);
  TaskGroup(Context& parent, Options options);
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  /// Cancels what still runs, then parks until all have ended.
  ~TaskGroup();

  /// Starts fn. Never parks, hence requires: no limit. If no stack is to be had, or the group's context has ended already, fn
  /// is not called; that counts as its error (kResourceExhausted, or the cause), so wait() is ok only if all were called.
  template <std::invocable<Context&> F>
  void go(F fn, std::source_location where = std::source_location::current());

  /// Parks while as many fibers run as may, then starts fn. If ctx or the group's context ends first, or no stack is to be
  /// had, fn is not called: the cause, or kResourceExhausted, which is then the group's error as well.
  template <std::invocable<Context&> F>
  Result<void> go(Context& ctx, F fn, std::source_location where = std::source_location::current());

  /// False: as many fibers run as may, or others wait for a place, or as above; fn is not called. Never parks.
  template <std::invocable<Context&> F>
  [[nodiscard]] bool try_go(F fn, std::source_location where = std::source_location::current());

  /// Parks until all have ended; the first error, if any. May be called again.
  Result<void> wait();

  /// Ends with the parent, at the first error, or when cancelled.
  [[nodiscard]] Context& context() noexcept { return context_; }

 private:
  [[nodiscard]] bool begin();
  [[nodiscard]] bool try_begin() noexcept;
  Result<void> begin_when_free(Context& ctx);
  void end(Result<void> result) noexcept;
  template <class F>
  Result<void> start(F& fn, std::source_location where);

  Context context_;
  const std::size_t limit_;
  internal::BiasedLock lock_;
  std::size_t running_ = 0;           // guarded by lock_; places taken, each by a fiber or by who is about to start one
  std::optional<Error> first_error_;  // guarded by lock_
  internal::WaitQueue joiners_;       // guarded by lock_; not empty only while running_ > 0
  internal::WaitQueue starters_;      // guarded by lock_; not empty only while running_ == limit_
};

// ---- implementation ----

template <std::invocable<Context&> F>
void TaskGroup::go(F fn, std::source_location where) {
  if (begin()) static_cast<void>(start(fn, where));  // else, or without a stack: wait() tells
}

template <std::invocable<Context&> F>
Result<void> TaskGroup::go(Context& ctx, F fn, std::source_location where) {
  SLUICE_TRY(begin_when_free(ctx));
  return start(fn, where);
}

template <std::invocable<Context&> F>
bool TaskGroup::try_go(F fn, std::source_location where) {
  return !context_.is_cancelled() && try_begin() && start(fn, where).has_value();
}

// Moves fn into its fiber. Requires: begun.
template <class F>
Result<void> TaskGroup::start(F& fn, std::source_location where) {
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
  if (!started) end(started);
  return started;
}

}  // namespace sluice
