// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/base/clock.hpp>
#include <sluice/runtime/internal/timer_wheel.hpp>

namespace sluice::internal {

/// The clock that timers follow. Requires: a running runtime.
[[nodiscard]] Clock& timer_clock() noexcept;

/// Adds a timer to those of the calling fiber's processor. TimerWheel::stop() ends it, from anywhere.
/// Requires: in a fiber; not started.
void start_timer(Timer& timer, Deadline when) noexcept;

}  // namespace sluice::internal
