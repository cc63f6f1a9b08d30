// SPDX-License-Identifier: MIT
#pragma once

#include <source_location>

/// Stops the process when `condition` does not hold: our own bug, in release builds too. Never for what a peer, a
/// disk, a user or a configuration file can cause: those get a Result. `why` is a literal that says what was promised.
#define SLUICE_ASSERT(condition, why) \
  (static_cast<bool>(condition) ? void(0) : ::sluice::assertion_failed(#condition, why))

namespace sluice {

/// Writes condition, reason and place to standard error, then aborts. Allocates nothing.
[[noreturn]] void assertion_failed(const char* condition, const char* why,
                                   std::source_location where = std::source_location::current()) noexcept;

}  // namespace sluice
