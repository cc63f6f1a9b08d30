// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string_view>

#include <sluice/base/clock.hpp>

namespace sluice::internal {

/// From now on SIGQUIT asks the running scheduler for a dump, unless the program has a handler of its own. To ignore it is no
/// handler: whatever a shell script starts with `&` begins like that (POSIX, "Asynchronous Lists"). Go does the same.
void install_dump_signal() noexcept;
/// Puts back what was there. Does not wait for a handler that runs at this moment.
void remove_dump_signal() noexcept;
/// Returns when no handler uses the scheduler any more. Requires: it is not the running one now.
void wait_for_dump_signal() noexcept;

/// Writes to standard error, from any thread but not from a signal handler. Gives up if nobody reads for as long as
/// `patience`: for who writes here has other things to look after.
void write_to_stderr(std::string_view text, Duration patience = std::chrono::seconds(1)) noexcept;

}  // namespace sluice::internal
