// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string>
#include <sys/types.h>
#include <vector>

#include <sluice/base/clock.hpp>
#include <sluice/runtime/internal/fiber.hpp>
#include <sluice/runtime/internal/park_reason.hpp>
#include <sluice/runtime/internal/stack_trace.hpp>

namespace sluice::internal {

class FiberPool;

enum class FiberState : std::uint8_t {
  kRunning,
  kBlocking,  ///< inside blocking()
  kRunnable,  ///< waits for a processor
  kNew,       ///< the same, and has never had one: it has no stack yet
  kWaiting,   ///< for what its reason says
};
inline constexpr std::size_t kFiberStates = 5;

/// Fibers that were started at one place and stand at another.
struct FiberGroup {
  static constexpr std::size_t kIdsKept = 5;

  FiberState state = FiberState::kNew;
  ParkReason reason = ParkReason::kNone;  ///< of kWaiting
  std::source_location started_at;
  StackTrace trace;
  std::size_t count = 0;
  std::size_t moved = 0;  ///< of these, how many went on while we looked: their stack may be a mixture
  std::array<std::uint64_t, kIdsKept> ids{};
  std::int64_t oldest_ns = 0;  ///< instants: since when
  std::int64_t newest_ns = 0;
};

/// All fibers at about one moment.
struct Survey {
  std::vector<FiberGroup> groups;
  std::array<std::size_t, kFiberStates> by_state{};
  std::size_t total = 0;
  std::size_t not_grouped = 0;     ///< there were too many different stacks
  std::size_t silent_threads = 0;  ///< have not said what they run
  Instant taken_at;
};

/// Looks at all fibers without stopping them, and asks `threads` what they run. Allocates.
[[nodiscard]] Survey survey_fibers(const FiberPool& fibers, const std::vector<pid_t>& threads);

}  // namespace sluice::internal
