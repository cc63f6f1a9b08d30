// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/start_timer.hpp>

#include <sluice/runtime/internal/scheduler.hpp>

namespace sluice::internal {

Clock& timer_clock() noexcept { return Scheduler::running().clock(); }

void start_timer(Timer& timer, Deadline when) noexcept {
  Scheduler::running().processor().timers.add(timer, when.when());
}

}  // namespace sluice::internal
