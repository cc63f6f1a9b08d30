// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <source_location>
#include <string>
#include <utility>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/internal/spawn.hpp>

namespace sluice {

/// A fiber that has not left its processor for RuntimeOptions::hog_after.
struct Hog {
  std::uint64_t fiber = 0;          ///< its number, as in a dump
  std::source_location started_at;
  Duration kept_for{};              ///< so far
  std::string stack;                ///< where it is now, a function a line; empty if it did not say in time
  std::uint64_t unreported = 0;     ///< others since the last call
};

/// Writes it to standard error, as text for people. Any thread may; waits for no reader: what does not fit in now is lost.
void report_hog(const Hog& hog) noexcept;

struct RuntimeOptions {
  /// How many fibers run at the same moment; 0 = as many as this process may use processors (affinity and cgroup).
  std::size_t processors = 0;
  /// Address space of one fiber's stack; rounded up to pages. Memory is committed by use.
  std::size_t stack_bytes = std::size_t{256} * 1024;
  /// How many calls of blocking() may last at the same time, each of which has a thread of its own meanwhile: more wait, before
  /// they begin, for one to return. Each processor may let one in too many. At least 1.
  std::size_t blocking_calls_max = 1024;
  /// Seeds the choices that the scheduler makes at random (whom to rob, which ready case select takes, any_order).
  /// 0 = a different seed in each run.
  std::uint64_t seed = 0;
  /// For tests: timers follow this clock instead of the machine's, and whenever every fiber waits it jumps to the next
  /// timer. Requires: processors == 1.
  ManualClock* clock = nullptr;
  /// For tests: of the fibers that are ready, the seed says who runs next, and not who has waited for longest. A program that
  /// is right does not care. Requires: a clock.
  bool any_order = false;
  /// A fiber that keeps its processor for longer than this, without parking, yielding or blocking(), hogs it: another
  /// processor takes over all else that belongs there, the fiber is asked to yield at its next call of the runtime, and
  /// on_hog is told. Noticed within another 10 ms. So even a single processor does not replace locks.
  Duration hog_after = std::chrono::milliseconds(10);
  /// Called by a thread of the runtime's own for each hog, once a second at most; must not use the runtime. None:
  /// report_hog. To learn the stack we send the hog's thread a signal (SIGURG) before: a system call that it waits in may end
  /// with EINTR; ::sleep, poll and their like do.
  std::function<void(const Hog&)> on_hog{};
  /// SIGQUIT (Ctrl-\) writes all fibers to standard error (dump.hpp), and the program goes on; Go's ends. Unless the
  /// program has a handler of its own for it; ignoring it is none, for shells have background jobs do so.
  bool dumps_on_sigquit = true;
  /// If all fibers wait for each other, and nothing else could wake one (no timer, no descriptor, no call in blocking(), no
  /// thread that is not the runtime's), the program says "all fibers are asleep: deadlock", writes them all to standard
  /// error, and aborts; within about 50 ms, or two seconds after thousands of fibers have ended. false: it hangs.
  bool ends_when_deadlocked = true;
};

/// Starts the runtime, runs `main` as its first fiber, and returns what the process should exit with: 0, or 1 after
/// writing main's error to standard error, or what the system refused (a thread for each processor, descriptors, memory,
/// address space): `main` has not begun then. Fibers that still exist when main returns are abandoned, as in Go: they never
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
/// What its starter did before is visible to it; that it has ended shows nothing to anybody.
/// kResourceExhausted: no stack to be had; fn was not called. Requires: in a fiber. Never parks; yields if asked.
template <class F>
Result<void> go(F fn, std::source_location where = std::source_location::current());

/// Lets others run; the caller stays runnable. Returns at once outside of fibers and inside blocking().
void yield();
/// For loops that may take long: yields if the runtime asks for it (RuntimeOptions::hog_after), which costs a nanosecond to
/// find out. go, channels, select and Mutex ask by themselves. As yield() otherwise.
void yield_if_asked();

/// Parks for this long. The cause of ctx if that ends first.
Result<void> sleep(Context& ctx, Duration length);

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

}  // namespace sluice
