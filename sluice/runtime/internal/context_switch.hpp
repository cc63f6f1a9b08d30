// SPDX-License-Identifier: MIT
//
// The only place that changes stacks. Around the jump (stack_switch.hpp) it exchanges what belongs to a fiber but lives in
// the thread: the exceptions being handled, and the sanitizers' ideas of stack and fiber.
// All of it is inline, for the reason given there.
#pragma once

#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/machine.hpp>
#include <sluice/runtime/internal/overflow.hpp>
#include <sluice/runtime/internal/stack_switch.hpp>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace sluice::internal {

/// Whether a stack may go on with another fiber when its own has ended, without a switch. Not under TSan, which takes what
/// runs on one stack for one thread and would not see races between the two.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kStacksAreHandedOver = false;
#else
inline constexpr bool kStacksAreHandedOver = true;
#endif

/// Gives the fiber, which has a stack, registers with which it starts in fiber_main at its first switch.
void prepare_first_switch(Fiber& fiber) noexcept;
/// Frees what the sanitizers keep for a fiber that will not run again.
void forget_switches(Fiber& fiber) noexcept;

/// Leaves machine.fiber (null: the scheduler's loop) and goes on with `to` (null: the loop). Returns when somebody switches
/// back, perhaps on another thread: nothing that was read from `machine` before is valid then.
/// Requires: `to` has a stack and nobody is on it.
void switch_context(Machine& machine, Fiber* to) noexcept;
/// As above, for a fiber that has ended; whoever runs next buries it.
[[noreturn]] void switch_away_for_ever(Machine& machine, Fiber* to) noexcept;

/// Implemented by the scheduler: a timed fiber is about to run.
void note_latency(Machine& machine, Fiber& fiber) noexcept;
/// Implemented by the scheduler: called on the stack of whoever runs next.
void bury(Machine& machine, Fiber& ended) noexcept;

// ---- implementation ----

// Leaves a note for the sanitizers. `dies`: `from` will not come back.
[[gnu::always_inline]] inline void announce_switch([[maybe_unused]] Machine& machine, [[maybe_unused]] Fiber* from,
                                                   [[maybe_unused]] Fiber* to, [[maybe_unused]] bool dies) noexcept {
#if defined(__SANITIZE_ADDRESS__)
  void** keep = dies ? nullptr : from ? &from->sanitizer_stack : &machine.loop_sanitizer_stack;
  const void* low = to ? to->stack_low : machine.loop_stack_low;
  __sanitizer_start_switch_fiber(keep, low, to ? to->stack_bytes : machine.loop_stack_bytes);
#endif
#if defined(__SANITIZE_THREAD__)
  if (from == nullptr) machine.loop_sanitizer_fiber = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(to ? to->sanitizer_fiber : machine.loop_sanitizer_fiber, 0);
#endif
}

// `self` is who goes on now, null for the loop; `leaver` is who has just left, null for the loop.
[[gnu::always_inline]] inline void announce_arrival([[maybe_unused]] Machine& machine, [[maybe_unused]] Fiber* self,
                                                    [[maybe_unused]] Fiber* leaver) noexcept {
#if defined(__SANITIZE_ADDRESS__)
  const void* low = nullptr;
  std::size_t bytes = 0;
  __sanitizer_finish_switch_fiber(self ? self->sanitizer_stack : machine.loop_sanitizer_stack, &low, &bytes);
  if (leaver == nullptr) {  // ASan is the one who knows where the thread's own stack is
    machine.loop_stack_low = low;
    machine.loop_stack_bytes = bytes;
  }
#endif
}

// Hardly any fiber handles an exception while it waits: then nothing is written.
[[gnu::always_inline]] inline void exchange_exceptions(Machine& machine, Fiber* from, Fiber* to) noexcept {
  ExceptionState& of_thread = *machine.thread_exceptions;
  bool arriving = to != nullptr && to->carries_exceptions;
  if (of_thread.is_empty() && !arriving) [[likely]]
    return;
  if (from != nullptr) {  // the loop itself handles none
    from->exceptions = of_thread;
    from->carries_exceptions = !of_thread.is_empty();
  }
  of_thread = arriving ? std::exchange(to->exceptions, {}) : ExceptionState{};
  if (arriving) to->carries_exceptions = false;
}

// The first thing on the other side. The fiber that left is off its stack now, and only now may others have it.
[[gnu::always_inline]] inline void arrive(Machine& machine, Fiber* self) noexcept {
  Fiber* left = std::exchange(machine.previous, nullptr);
  announce_arrival(machine, self, left);
  if (left == nullptr) return;
  if (left->canary != nullptr) [[unlikely]]
    look_at_canary(*left);
  if (machine.has_ended) return bury(machine, *left);
  left->is_on_stack.store(false, std::memory_order_release);  // release: pairs with the acquire of who runs it next
}

[[gnu::always_inline]] inline void leave(Machine& machine, Fiber* to, bool dies) noexcept {
  Fiber* from = machine.fiber;
  if (to != nullptr && to->is_timed) [[unlikely]]
    note_latency(machine, *to);
  exchange_exceptions(machine, from, to);
  announce_switch(machine, from, to, dies);
  machine.previous = from;
  machine.fiber = to;
  if (to != nullptr) to->is_on_stack.store(true, std::memory_order_relaxed);  // relaxed: it is ours alone
  switch_stack(from ? &from->context : &machine.loop_context, to ? to->context : machine.loop_context);
}

[[gnu::always_inline]] inline void switch_context(Machine& machine, Fiber* to) noexcept {
  Fiber* self = machine.fiber;
  leave(machine, to, false);
  arrive(*current_machine(), self);
}

[[gnu::always_inline]] inline void switch_away_for_ever(Machine& machine, Fiber* to) noexcept {
  machine.has_ended = true;
  leave(machine, to, true);
  SLUICE_ASSERT(false, "a fiber that has ended does not come back");
  __builtin_unreachable();
}

}  // namespace sluice::internal
