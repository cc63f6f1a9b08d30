// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

namespace sluice {

/// How much of a dump is written; what is left out is counted.
struct DumpOptions {
  std::size_t stacks_max = 200;  ///< different ones
  std::size_t frames_max = 32;   ///< of each stack, from the innermost; at most 64
};

/// Every fiber, as text for people: its number, what it does or waits for, since when, where it was started, and its stack.
/// Fibers that were started at one place and stand at another are told together, with their number, so that a million of
/// them can be read. The same text is written to standard error on SIGQUIT (RuntimeOptions::dumps_on_sigquit) and served by
/// the admin port at /debug/fibers.
///
/// Nothing stops meanwhile: a fiber that goes on while we look at it is marked. Those that run are interrupted by a signal
/// (SIGURG) for some microseconds to say where they are, so a system call inside blocking() may end with EINTR. A thread
/// that does not answer within 10 ms is told as such.
/// Takes one to two microseconds for each fiber and stops its thread as long: call it inside blocking(). Any thread may.
/// Fibers pay nothing for it. Requires: a running runtime.
[[nodiscard]] std::string dump_fibers(DumpOptions options = {});

}  // namespace sluice
