// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/runtime/internal/machine.hpp>

namespace sluice::internal {

/// Gives the fiber registers with which it starts in fiber_main at its first switch.
void prepare_first_switch(Fiber& fiber) noexcept;
/// Frees what the sanitizers keep for a fiber that will not run again.
void forget_switches(Fiber& fiber) noexcept;

/// Leaves `from` (null: the scheduler's loop) and goes on with `to` (null: the loop). Returns when somebody switches back,
/// perhaps on another thread: nothing that was read from `machine` before is valid then.
/// Before that, whoever runs next does what machine.after says with machine.previous.
void switch_context(Machine& machine, Fiber* from, Fiber* to) noexcept;
/// As above, for a fiber that ends.
[[noreturn]] void switch_away_for_ever(Machine& machine, Fiber* from, Fiber* to) noexcept;

/// Implemented by the scheduler: called after each switch, on the new stack.
void after_switch(Machine& machine) noexcept;
/// Implemented by the scheduler: a fiber's first and last function.
[[noreturn]] void fiber_main(Fiber& fiber) noexcept;

}  // namespace sluice::internal
