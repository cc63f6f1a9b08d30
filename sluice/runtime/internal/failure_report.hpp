// SPDX-License-Identifier: MIT
//
// What a failed assertion tells besides its message: the stack, in every build, and in a checked one also that of the
// moment which explains it.
#pragma once

#include <cstdint>

#include <sluice/runtime/internal/stack_trace.hpp>

namespace sluice::internal {

/// From now on failed assertions of the process write the stack of who failed, with names, to standard error.
void install_failure_report() noexcept;

/// The fiber that calls; 0: none does. Any thread.
[[nodiscard]] std::uint64_t this_fiber_id() noexcept;

/// The caller's stack, without this function. Empty on a stack that is neither a fiber's nor its thread's own.
[[nodiscard]] StackTrace trace_here() noexcept;

/// Writes "  <what>, by fiber 7:" and a line for each frame to standard error. For a process that is about to end: it
/// allocates and reads the program's file.
void report_stack(const char* what, std::uint64_t fiber_id, const StackTrace& trace) noexcept;

/// "  it waits, by fiber 7:" and where that is, of a fiber that cannot go on meanwhile. Nothing if it is still on its stack.
void report_wait(const Fiber& fiber) noexcept;

}  // namespace sluice::internal
