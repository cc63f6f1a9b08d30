// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/deadline_timer.hpp>

#include <sluice/runtime/context.hpp>
#include <sluice/runtime/internal/scheduler.hpp>

namespace sluice::internal {

Clock& timer_clock() noexcept { return Scheduler::running().clock(); }

DeadlineTimer::DeadlineTimer(Context& ctx, Deadline deadline) : ctx_(ctx) {
  fire = [](Timer* self) noexcept {
    static_cast<DeadlineTimer*>(self)->ctx_.cancel(Error(Code::kDeadlineExceeded, "the deadline has passed"));
  };
  Scheduler::running().processor().timers.add(*this, deadline.when());
}

}  // namespace sluice::internal
