// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <sluice/runtime/internal/latency_histogram.hpp>

namespace sluice::internal {

/// What can be said of a scheduler by adding up what its processors count: cheap to read, and of about one moment.
struct VitalSigns {
  // Fibers by state. Running are those on a processor that is awake.
  std::uint64_t running = 0;
  std::uint64_t blocking = 0;  ///< inside blocking()
  std::uint64_t runnable = 0;
  std::uint64_t waiting = 0;

  std::uint64_t standing_by = 0;  ///< tasks that wait without a fiber: idle connections

  std::uint64_t started = 0;  ///< fibers, ever
  std::uint64_t steals = 0;
  std::uint64_t hand_offs = 0;      ///< a processor went on without the thread that was in blocking()
  std::uint64_t blocking_calls = 0;
  std::uint64_t hogs = 0;           ///< see RuntimeOptions::hog_after
  std::uint64_t relief_looks = 0;   ///< for work, by those that run it while somebody hogs

  std::array<std::uint64_t, LatencyHistogram::kBounds + 1> latency{};  ///< from ready to running; a sample
  std::uint64_t latency_sum_ns = 0;
};

}  // namespace sluice::internal
