// SPDX-License-Identifier: MIT
#include <sluice/runtime/go.hpp>

#include <chrono>
#include <cstdio>
#include <new>
#include <optional>
#include <string>

#include <sluice/runtime/internal/dump_signal.hpp>
#include <sluice/runtime/internal/failure_report.hpp>
#include <sluice/runtime/internal/lock_watch.hpp>
#include <sluice/runtime/internal/start_timer.hpp>
#include <sluice/runtime/internal/park.hpp>
#include <sluice/runtime/internal/scheduler.hpp>

namespace sluice {
namespace {

// Where too little memory is a limit of the system, and not yet the end of a program that runs.
Result<void> make_scheduler(std::optional<internal::Scheduler>& scheduler, const RuntimeOptions& options) {
  try {
    scheduler.emplace(options);
  } catch (const std::bad_alloc&) {
    return fail(Code::kResourceExhausted, "no memory for the scheduler (ulimit -v)");
  }
  return {};
}

}  // namespace

// Sysmon waits meanwhile, and with it everybody whose processor is in a long call: so there is no patience at all.
void report_hog(const Hog& hog) noexcept {
  auto kept_for_ms = std::chrono::duration_cast<std::chrono::milliseconds>(hog.kept_for).count();
  internal::write_to_stderr("sluice: fiber " + std::to_string(hog.fiber) + ", started at " + hog.started_at.file_name() + ":" +
                            std::to_string(hog.started_at.line()) + ", has kept its processor for " +
                            std::to_string(kept_for_ms) + " ms without blocking() or yield()\n" + hog.stack,
                            Duration::zero());
}

int run(std::function<Result<void>(Context&)> main, RuntimeOptions options, std::source_location where) {
  internal::install_failure_report();
  Result<void> result;
  {
    std::optional<internal::Scheduler> scheduler;
    Result<void> started = make_scheduler(scheduler, options);
    if (started) started = scheduler->run([&] { result = main(scheduler->root()); }, where);
    if (!started) result = std::move(started);
  }
  internal::forget_abandoned_locks();
  if (result) return 0;
  std::fprintf(stderr, "%s\n", result.error().describe().c_str());
  return 1;
}

Clock& runtime_clock() noexcept { return internal::timer_clock(); }

void yield() {
  internal::Machine* machine = internal::current_machine();
  if (machine != nullptr && machine->fiber != nullptr && machine->processor != nullptr)
    internal::Scheduler::running().yield_current();
}

void yield_if_asked() {
  internal::Current* here = internal::current();
  if (here != nullptr && here->fiber != nullptr && here->processor != nullptr) internal::yield_if_asked(*here);
}

Result<void> sleep(Context& ctx, Duration length) {
  if (ctx.is_cancelled()) return ctx.check();
  internal::Fiber& self = internal::this_fiber();
  internal::Wait wait(&ctx, self);
  if (!wait.may_park()) return ctx.check();
  auto& timer = self.emplace_wait<internal::Timer>();
  timer.fire = [](internal::Timer* fired) noexcept {
    internal::Fiber& fiber = internal::Fiber::that_waits_at(fired);
    if (fiber.claim(reinterpret_cast<std::uintptr_t>(fired))) internal::make_ready(fiber);
  };
  internal::Scheduler& scheduler = internal::Scheduler::running();
  scheduler.processor().timers.add(timer, Deadline::after(scheduler.clock(), length).when());
  std::uintptr_t token = wait.park(internal::ParkReason::kSleep);
  internal::TimerWheel::stop(timer);
  if (token == internal::Fiber::kContextEndedToken) return ctx.check();
  return {};
}

}  // namespace sluice
