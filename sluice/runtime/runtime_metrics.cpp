// SPDX-License-Identifier: MIT
#include <sluice/runtime/runtime_metrics.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

#include <sluice/runtime/internal/scheduler.hpp>

namespace sluice {
namespace {

using internal::LatencyHistogram;
using internal::Scheduler;
using internal::VitalSigns;

constexpr double kNsPerSecond = 1e9;

std::vector<double> latency_bounds() {
  std::vector<double> bounds;
  for (std::size_t i = 0; i < LatencyHistogram::kBounds; ++i)
    bounds.push_back(static_cast<double>(LatencyHistogram::bound_ns(i)) / kNsPerSecond);
  return bounds;
}

observe::Histogram::Reading read_latency(const Scheduler& scheduler) {
  VitalSigns signs = scheduler.vital_signs();
  return {{signs.latency.begin(), signs.latency.end()}, static_cast<double>(signs.latency_sum_ns) / kNsPerSecond};
}

}  // namespace

RuntimeMetrics::RuntimeMetrics(observe::Registry& registry) {
  const Scheduler& scheduler = Scheduler::running();
  auto sign = [&](std::uint64_t VitalSigns::*which) {
    return [&scheduler, which] { return static_cast<double>(scheduler.vital_signs().*which); };
  };
  auto fibers = [&](const char* state, std::uint64_t VitalSigns::*which) {
    callbacks_.push_back(registry.gauge_callback("sluice_fibers", "Fibers by what they do.", sign(which), {{"state", state}}));
  };
  fibers("running", &VitalSigns::running);
  fibers("blocking", &VitalSigns::blocking);
  fibers("runnable", &VitalSigns::runnable);
  fibers("waiting", &VitalSigns::waiting);

  callbacks_.push_back(registry.gauge_callback("sluice_standbys", "What waits without a fiber, such as idle connections.",
                                               sign(&VitalSigns::standing_by)));

  auto count = [&](const char* name, const char* help, std::uint64_t VitalSigns::*which) {
    callbacks_.push_back(registry.counter_callback(name, help, sign(which)));
  };
  count("sluice_fibers_started_total", "Fibers started.", &VitalSigns::started);
  count("sluice_steals_total", "Times that a processor took work from another's queue.", &VitalSigns::steals);
  count("sluice_hand_offs_total", "Times that a processor went on without a thread in a blocking call.",
        &VitalSigns::hand_offs);
  count("sluice_hogs_total", "Times that a fiber kept its processor for too long.", &VitalSigns::hogs);
  count("sluice_blocking_calls_total", "Calls marked as blocking.", &VitalSigns::blocking_calls);

  auto depth = [&](std::string processor, std::size_t index) {
    callbacks_.push_back(registry.gauge_callback(
        "sluice_run_queue_depth", "Fibers that wait for a processor.",
        [&scheduler, index] { return static_cast<double>(scheduler.queue_depth(index)); },
        {{"processor", std::move(processor)}}));
  };
  for (std::size_t i = 0; i < scheduler.processor_count(); ++i) depth(std::to_string(i), i);
  depth("global", Scheduler::kGlobalQueue);

  callbacks_.push_back(registry.histogram_callback(
      "sluice_sched_latency_seconds", "From ready to running, one wake-up in 64.", latency_bounds(),
      [&scheduler] { return read_latency(scheduler); }));

  auto stacks = [&](const char* name, const char* help, std::size_t internal::StackPool::Use::*which) {
    callbacks_.push_back(registry.gauge_callback(
        name, help, [&scheduler, which] { return static_cast<double>(scheduler.stacks().use().*which); }));
  };
  using Use = internal::StackPool::Use;
  stacks("sluice_stack_reserved_bytes", "Address space of fibers' stacks.", &Use::reserved_bytes);
  stacks("sluice_stack_resident_bytes", "Memory of fibers' stacks, from a sample.", &Use::resident_bytes);
  stacks("sluice_stack_high_water_bytes", "The most that a sampled stack has used.", &Use::high_water_bytes);
}

}  // namespace sluice
