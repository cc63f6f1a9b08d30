// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/base/assert.hpp>

namespace sluice::internal {

struct Fiber;
struct Machine;
struct Processor;

/// What a thread of ours works with at this moment; the beginning of its Machine.
struct Current {
  Machine* machine;
  Processor* processor = nullptr;  // null as a spare and inside blocking()
  Fiber* fiber = nullptr;          // null on the thread's own stack, where the scheduler's loop runs
};

extern "C" thread_local constinit Current* sluice_current;

/// Of the calling thread; null if it is none of ours.
/// A fiber may go on in another thread after any switch, so the address of a thread-local must never be kept across one,
/// and compilers keep it where they see it (brpc#1776; brpc#2918 again, with LTO). So they do not see it: the
/// assembler reads the value, and volatile says that it does so each time.
[[nodiscard]] [[gnu::always_inline]] inline Current* current() noexcept {
#if defined(__x86_64__) && defined(__ELF__)
  Current* value;
  asm volatile("movq sluice_current@gottpoff(%%rip), %0\n\tmovq %%fs:(%0), %0" : "=r"(value));
  return value;
#else
  Current* read_current() noexcept;  // out of line and opaque
  return read_current();
#endif
}

/// The processor that the calling thread holds; null outside of fibers and inside blocking().
[[nodiscard]] inline Processor* current_processor() noexcept {
  Current* here = current();
  return here != nullptr ? here->processor : nullptr;
}

/// Good until the next switch. Requires: in a fiber, outside of blocking().
[[nodiscard]] inline Current& here() noexcept {
  Current* here = current();
  SLUICE_ASSERT(here != nullptr && here->fiber != nullptr, "only a fiber can wait: call this inside sluice::run");
  SLUICE_ASSERT(here->processor != nullptr, "nothing parks inside blocking()");
  return *here;
}

}  // namespace sluice::internal
