// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/machine.hpp>

namespace sluice::internal {
namespace {
thread_local Machine* machine_of_this_thread = nullptr;
}

// The empty asm keeps link-time optimisation from seeing a pure function and merging two calls around a switch.
[[gnu::noinline]] Machine* current_machine() noexcept {
  asm volatile("");
  return machine_of_this_thread;
}

[[gnu::noinline]] Processor* current_processor() noexcept {
  asm volatile("");
  Machine* machine = machine_of_this_thread;
  return machine != nullptr ? machine->processor : nullptr;
}

[[gnu::noinline]] void set_current_machine(Machine* machine) noexcept {
  asm volatile("");
  machine_of_this_thread = machine;
}

}  // namespace sluice::internal
