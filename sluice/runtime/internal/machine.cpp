// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/machine.hpp>

namespace sluice::internal {

extern "C" {
thread_local constinit Current* sluice_current = nullptr;
}

#if !defined(__x86_64__) || !defined(__ELF__)
// The empty asm keeps link-time optimisation from seeing a pure function and merging two calls around a switch.
[[gnu::noinline]] Current* read_current() noexcept {
  asm volatile("");
  return sluice_current;
}
#endif

[[gnu::noinline]] void set_current_machine(Machine* machine) noexcept {
  asm volatile("");
  sluice_current = machine;
}

}  // namespace sluice::internal
