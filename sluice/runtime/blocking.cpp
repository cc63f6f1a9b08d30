// SPDX-License-Identifier: MIT
#include <sluice/runtime/blocking.hpp>

#include <sluice/runtime/internal/mutex_watch.hpp>
#include <sluice/runtime/internal/scheduler.hpp>

namespace sluice::internal {
namespace {

// Outside of fibers, and inside another blocking(), there is no processor to give away.
Scheduler* scheduler_to_tell() noexcept {
  Machine* machine = current_machine();
  return machine != nullptr && machine->fiber != nullptr && machine->processor != nullptr ? &Scheduler::running()
                                                                                            : nullptr;
}

}  // namespace

BlockingSection::BlockingSection(Expect expect) noexcept : scheduler_(scheduler_to_tell()) {
  if (scheduler_ != nullptr) scheduler_->enter_blocking(expect);
}

BlockingSection::~BlockingSection() {
  if (scheduler_ == nullptr) return;
  check_mutexes_before_leaving();
  scheduler_->leave_blocking();
}

}  // namespace sluice::internal
