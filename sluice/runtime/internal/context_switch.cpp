// SPDX-License-Identifier: MIT
//
// The only place that changes stacks. Around Boost.Context's jump it exchanges what belongs to a fiber but lives in the
// thread: the exceptions being handled, and the sanitizers' ideas of stack and fiber.
//
// Rejected: boost::context::fiber (same cost, but it owns the stack's top, where our control block lives).
#include <sluice/runtime/internal/context_switch.hpp>

#include <boost/context/detail/fcontext.hpp>

#include <sluice/base/assert.hpp>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace sluice::internal {
namespace {

namespace fcontext = boost::context::detail;

// Leaves a note for the sanitizers. `dies`: `from` will not come back.
void announce_switch([[maybe_unused]] Machine& machine, [[maybe_unused]] Fiber* from, [[maybe_unused]] Fiber* to,
                     [[maybe_unused]] bool dies) noexcept {
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
void announce_arrival([[maybe_unused]] Machine& machine, [[maybe_unused]] Fiber* self,
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

void exchange_exceptions(Machine& machine, Fiber* from, Fiber* to) noexcept {
  ExceptionState& leaving = from ? from->exceptions : machine.loop_exceptions;
  leaving = *machine.thread_exceptions;
  *machine.thread_exceptions = to ? to->exceptions : machine.loop_exceptions;
}

void keep_context_of_leaver(Machine& machine, void* context) noexcept {
  (machine.previous ? machine.previous->context : machine.loop_context) = context;
}

void arrive(Fiber* self, void* context_of_leaver) noexcept {
  Machine& machine = *current_machine();
  announce_arrival(machine, self, machine.previous);
  keep_context_of_leaver(machine, context_of_leaver);
  after_switch(machine);
}

void first_frame(fcontext::transfer_t transfer) noexcept {
  Fiber* self = current_machine()->current;
  arrive(self, transfer.fctx);
  fiber_main(*self);
}

void* leave(Machine& machine, Fiber* from, Fiber* to, bool dies) noexcept {
  exchange_exceptions(machine, from, to);
  machine.current = to;
  announce_switch(machine, from, to, dies);
  return fcontext::jump_fcontext(to ? to->context : machine.loop_context, nullptr).fctx;
}

}  // namespace

void prepare_first_switch(Fiber& fiber) noexcept {
  fiber.context = fcontext::make_fcontext(fiber.stack_low + fiber.stack_bytes, fiber.stack_bytes, &first_frame);
#if defined(__SANITIZE_THREAD__)
  fiber.sanitizer_fiber = __tsan_create_fiber(0);
#endif
}

void forget_switches([[maybe_unused]] Fiber& fiber) noexcept {
#if defined(__SANITIZE_THREAD__)
  __tsan_destroy_fiber(fiber.sanitizer_fiber);
#endif
}

void switch_context(Machine& machine, Fiber* from, Fiber* to) noexcept {
  void* context_of_leaver = leave(machine, from, to, false);
  arrive(from, context_of_leaver);
}

void switch_away_for_ever(Machine& machine, Fiber* from, Fiber* to) noexcept {
  leave(machine, from, to, true);
  SLUICE_ASSERT(false, "a fiber that has ended does not come back");
  __builtin_unreachable();
}

}  // namespace sluice::internal
