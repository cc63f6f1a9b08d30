// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

#include <sluice/runtime/internal/stack_trace.hpp>
#include <sluice/runtime/internal/symbols.hpp>

namespace sluice::internal {

/// Adds a line for each frame, indented; without the runtime's own below and above what somebody wrote, which are the same
/// each time. `frames_max`: as many from the innermost.
void append_stack(std::string& text, const StackTrace& trace, const Symbols& symbols, std::size_t frames_max);

}  // namespace sluice::internal
