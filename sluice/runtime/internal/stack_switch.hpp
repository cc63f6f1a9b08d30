// SPDX-License-Identifier: MIT
//
// What a stack that was left holds at its stack pointer (x86-64): where to go on, then rbp. Everything else that a function
// must preserve is in its frame already, for the compiler believes that the switch changes it; the two lie as in any frame,
// so that whoever walks frame pointers, or a debugger that unwinds, begins here.
// It jumps there instead of returning: the processor predicts a return to go back to the caller, and would be wrong.
//
// The floating-point control words stay with the thread, other than the System V ABI (§3.2.1) has it for calls: a fiber that
// rounds differently has to go back before it waits. A version that saved and compared them spent a tenth of starting and
// joining a fiber on that.
//
// Elsewhere Boost.Context does it, at a higher price; -DSLUICE_BOOST_SWITCH=ON takes it here as well.
#pragma once

#include <cstddef>

namespace sluice::internal {

/// A stack pointer whose first switch calls fiber_entry(). `top`: 16-byte aligned end of the stack's `bytes`.
[[nodiscard]] void* prepare_stack(std::byte* top, std::size_t bytes) noexcept;

/// Implemented by the scheduler: the first function on each fiber's stack.
extern "C" [[noreturn]] void sluice_fiber_entry() noexcept;

#if defined(__x86_64__) && !defined(SLUICE_BOOST_SWITCH)

/// The stack pointer goes into `*from`, and `to` becomes the stack pointer. Returns when somebody switches back.
/// Always inline: each function that returns on the other side is one more return that the processor predicts wrongly.
[[gnu::always_inline]] inline void switch_stack(void** from, void* to) noexcept {
  // The red zone of a leaf function lies below the stack pointer.
  asm volatile(
      "leaq -128(%%rsp), %%rsp\n\t"
      "pushq %%rbp\n\t"
      "leaq 1f(%%rip), %%rax\n\t"
      "pushq %%rax\n\t"
      "movq %%rsp, (%0)\n\t"
      "movq %1, %%rsp\n\t"
      "popq %%rax\n\t"
      "popq %%rbp\n\t"
      "jmpq *%%rax\n\t"
      "1:\n\t"
      "leaq 128(%%rsp), %%rsp"
      : "+D"(from), "+S"(to)
      :
      : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc",
#if defined(__AVX512F__)
        "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",
        "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7",
#endif
        "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
        "xmm14", "xmm15");
}

#else

void switch_stack(void** from, void* to) noexcept;

#endif

}  // namespace sluice::internal
