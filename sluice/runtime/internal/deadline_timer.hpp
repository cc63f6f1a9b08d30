// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/base/clock.hpp>
#include <sluice/runtime/internal/timer_heap.hpp>

namespace sluice {
class Context;
}

namespace sluice::internal {

/// The clock that timers follow. Requires: a running runtime.
[[nodiscard]] Clock& timer_clock() noexcept;

/// Cancels a context at its deadline, unless it dies before. Requires: in a fiber.
class DeadlineTimer final : Timer {
 public:
  DeadlineTimer(Context& ctx, Deadline deadline);
  DeadlineTimer(const DeadlineTimer&) = delete;
  DeadlineTimer& operator=(const DeadlineTimer&) = delete;
  ~DeadlineTimer() { TimerHeap::stop(*this); }

 private:
  Context& ctx_;
};

}  // namespace sluice::internal
