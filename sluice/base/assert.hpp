// SPDX-License-Identifier: MIT
#pragma once

#include <source_location>

/// Stops the process when `condition` does not hold: our own bug, in release builds too. Never for what a peer, a
/// disk, a user or a configuration file can cause: those get a Result. `why` is a literal that says what was promised.
/// A third argument, evaluated only then, is an Earlier.
#define SLUICE_ASSERT(condition, why, ...) \
  (static_cast<bool>(condition) ? void(0) : ::sluice::assertion_failed(#condition, why __VA_OPT__(, ) __VA_ARGS__))

namespace sluice {

/// What happened before and explains why a promise is broken now. `write` tells it on standard error; null: nothing does.
struct Earlier {
  void (*write)(const void* subject) noexcept = nullptr;
  const void* subject = nullptr;
};

/// Writes condition, reason and place to standard error, then what happened earlier and whatever the report adds, then aborts.
/// Allocates nothing before the first line is out.
[[noreturn]] void assertion_failed(const char* condition, const char* why, Earlier earlier = {},
                                   std::source_location where = std::source_location::current()) noexcept;

/// From now on `report` is called when an assertion has failed, before the process ends: to write the stack. Null: nothing
/// is. An assertion that fails inside ends the process without more words. Threads: any.
void set_failure_report(void (*report)() noexcept) noexcept;

}  // namespace sluice
