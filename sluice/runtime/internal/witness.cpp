// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/witness.hpp>

#include <algorithm>
#include <cstdio>

#include <sluice/runtime/internal/failure_report.hpp>
#include <sluice/runtime/internal/wait_queue.hpp>

namespace sluice::internal {

[[gnu::noinline]] void StackWitness::remember() noexcept {
  StackTrace trace = trace_here();
  fiber_id_ = this_fiber_id();
  count_ = std::min(trace.count, kFramesKept);
  std::copy_n(trace.frames.begin(), count_, frames_.begin());
}

void StackWitness::write() const noexcept {
  if (!has_seen()) return;
  StackTrace trace;
  for (std::size_t i = 0; i < count_; ++i) trace.add(frames_[i]);
  report_stack(what_, fiber_id_, trace);
}

Earlier StackWitness::earlier() const noexcept {
  return {[](const void* self) noexcept { static_cast<const StackWitness*>(self)->write(); }, this};
}

Earlier NoWitness::earlier() noexcept {
  return {[](const void*) noexcept { std::fputs("  a build with -DSLUICE_CHECKS=ON tells what led to this\n", stderr); },
          nullptr};
}

Earlier where_it_waits(const Waiter* waiter) noexcept {
  if (waiter == nullptr) return {};
  return {[](const void* subject) noexcept { report_wait(*static_cast<const Waiter*>(subject)->fiber); }, waiter};
}

}  // namespace sluice::internal
