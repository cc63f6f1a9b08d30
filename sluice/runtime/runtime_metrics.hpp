// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include <sluice/observe/registry.hpp>

namespace sluice {

/// Shows the runtime in a registry: nothing is counted for it that would not be counted anyway, but for one wake-up in 64
/// that carries a time stamp.
///
///   sluice_fibers{state="running|blocking|runnable|waiting"}   each exact to a few, for they are read one after the other
///   sluice_fibers_started_total
///   sluice_run_queue_depth{processor="0"...}, and "global"      fibers that wait for a processor
///   sluice_steals_total                                         a processor without work took half of another's queue
///   sluice_hand_offs_total                                      a processor went on without a thread in blocking()
///   sluice_hogs_total                                           a fiber kept its processor for too long (go.hpp, hog_after)
///   sluice_blocking_calls_total
///   sluice_sched_latency_seconds                                histogram: from ready to running, one wake-up in 64
///   sluice_stack_reserved_bytes                                 address space; costs nothing
///   sluice_stack_resident_bytes                                 memory; from a sample, about once a second
///   sluice_stack_high_water_bytes                               the most that a sampled stack has used; compare with
///                                                               RuntimeOptions::stack_bytes
///
/// Threads: any. Lifetime: inside sluice::run; the registry outlives it. One per registry at a time.
class RuntimeMetrics {
 public:
  /// Requires: a running runtime.
  explicit RuntimeMetrics(observe::Registry& registry);

 private:
  std::vector<observe::Callback> callbacks_;
};

}  // namespace sluice
