// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace sluice::internal {

/// From now on SIGQUIT asks the running scheduler for a dump; unless the program has a handler of its own, or ignores it.
void install_dump_signal() noexcept;
/// Puts back what was there. Does not wait for a handler that runs at this moment.
void remove_dump_signal() noexcept;
/// Returns when no handler uses the scheduler any more. Requires: it is not the running one now.
void wait_for_dump_signal() noexcept;

/// Writes to standard error, from any thread but not from a signal handler. Gives up if nobody reads: for who writes here
/// has other things to look after.
void write_to_stderr(std::string_view text) noexcept;

}  // namespace sluice::internal
