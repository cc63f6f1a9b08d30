// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include <sys/types.h>

#include <sluice/base/clock.hpp>
#include <sluice/runtime/internal/stack_trace.hpp>

namespace sluice::internal {

/// What a thread is doing right now can be told by nobody but itself: it is interrupted by a signal, and its handler answers.
/// The signal is SIGURG, as in Go, and for Go's reasons: debuggers pass it on in silence, and a stray one does nothing.
struct ProbeAnswer {
  std::uint64_t fiber_id = 0;  ///< 0: no fiber; it looks for one, or sleeps
  bool is_blocking = false;    ///< inside blocking()
  StackTrace trace;
};

/// From now on the process' threads answer. Whoever handled SIGURG before is still called, but for our own.
void install_probe() noexcept;
void remove_probe() noexcept;

/// Asks one thread, who may be the caller. Nothing: it is gone, or has not answered in time (the kernel holds it in an
/// uninterruptible wait, or has other things to run).
[[nodiscard]] std::optional<ProbeAnswer> probe_thread(pid_t thread_id, Duration patience) noexcept;

}  // namespace sluice::internal
