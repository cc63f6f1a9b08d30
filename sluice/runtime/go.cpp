// SPDX-License-Identifier: MIT
#include <sluice/runtime/go.hpp>

#include <cstdio>
#include <string>

#include <sluice/runtime/internal/start_timer.hpp>
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
  if (machine != nullptr && machine->fiber != nullptr && machine->processor != nullptr)
    internal::Scheduler::running().yield_current();
}

void yield_if_asked() {
  internal::Current* here = internal::current();
  if (here != nullptr && here->fiber != nullptr && here->processor != nullptr) internal::yield_if_asked(*here);
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
  internal::TimerWheel::stop(timer);
  if (token == internal::Fiber::kContextEndedToken) return ctx.check();
  return {};
}

}  // namespace sluice
