// SPDX-License-Identifier: MIT
//
// A fiber's life: a block, with a promise of a stack; at its first turn a stack, the one that the last fiber has just left if
// that can be; and at its end all of it back, to the processor on which it ended.
#include <sluice/runtime/internal/scheduler.hpp>

#include <algorithm>
#include <new>
#include <utility>

#include <sched.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

#include <sluice/runtime/internal/context_switch.hpp>
#include <sluice/runtime/internal/futex.hpp>
#include <sluice/runtime/internal/lock_watch.hpp>
#include <sluice/runtime/internal/overflow.hpp>
#include <sluice/runtime/internal/park.hpp>
#include <sluice/runtime/internal/prefetch.hpp>

namespace sluice::internal {
namespace {
constexpr int kPausesPerLook = 30;  // at a fiber that is about to leave its stack
}

Fiber* Scheduler::make_fiber(std::size_t closure_bytes, std::size_t closure_align, Context* own,
                             std::source_location where) noexcept {
  Processor& p = processor();
  if (p.stacks_reserved == 0 || p.free_fibers.empty()) [[unlikely]] {
    if (!stock_up(p)) return nullptr;
  }
  --p.stacks_reserved;
  Fiber* fiber = p.free_fibers.back();
  p.free_fibers.pop_back();
  fiber->begin_life(own, where);
  bool is_large = closure_bytes > Fiber::kClosureBytes || closure_align > Fiber::kClosureAlign;
  if (is_large) [[unlikely]]
    give_stack(p, *fiber, closure_bytes, closure_align);  // at once, for it lies at its top
  // relaxed, both: for dumps
  fiber->since_ns.store(p.coarse_now_ns.load(std::memory_order_relaxed), std::memory_order_relaxed);
  std::uint64_t id = bump(p.fibers_started) * processors_.size() + p.id;
  fiber->id.store(id, std::memory_order_release);  // release: pairs with the acquire in FiberPool::for_each
  return fiber;
}

// False: no memory, or no address space.
[[gnu::noinline]] bool Scheduler::stock_up(Processor& p) noexcept {
  if (p.stacks_reserved == 0) p.stacks_reserved = stacks_.reserve(Processor::kStackBatch);
  if (p.free_fibers.empty()) {
    fibers_.take_some(p.free_fibers, Processor::kStackBatch);
    // Idle for long, they have left the caches.
    for (const Fiber* block : p.free_fibers) prefetch(block, sizeof(Fiber));
  }
  return p.stacks_reserved > 0 && !p.free_fibers.empty();
}

// From the top down: the closure, if it is a large one, and frames; the first page holds them all for a small fiber.
void Scheduler::give_stack(Processor& p, Fiber& fiber, std::size_t closure_bytes, std::size_t closure_align) noexcept {
  if (fiber.has_stack.load(std::memory_order_relaxed)) return;  // relaxed: ours
  if (p.stacks.empty()) {
    stacks_.take_some(p.stacks, p.is_relief ? 1 : Processor::kStackBatch);
    for (const Stack& stack : p.stacks) prefetch(stack.low + stack.bytes - kFrameBytes, kFrameBytes);  // as in stock_up
  }
  Stack stack = p.stacks.back();
  p.stacks.pop_back();
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(stack.low, stack.bytes);  // the last fiber's frames did not return
#endif
  auto top = reinterpret_cast<std::uintptr_t>(stack.low) + stack.bytes;
  if (closure_bytes > 0) {
    top = (top - closure_bytes) & ~(std::max<std::uintptr_t>(closure_align, 16) - 1);
    fiber.closure = reinterpret_cast<void*>(top);
  }
  fiber.stack_low = stack.low;
  fiber.stack_bytes = top - reinterpret_cast<std::uintptr_t>(stack.low);
  fiber.canary = nullptr;
  if (!stack.is_guarded) [[unlikely]]
    plant_canary(fiber);
  fiber.has_stack.store(true, std::memory_order_relaxed);  // relaxed: published with the fiber, if at all
  prepare_first_switch(fiber);
}

// The stack goes on with a fiber that has none; true. False: they must be switched.
bool Scheduler::hand_stack_over(Fiber& ended, Fiber& next) noexcept {
  if (!kStacksAreHandedOver || next.has_stack.load(std::memory_order_relaxed)) return false;  // relaxed: ours
  if (next.is_timed) [[unlikely]]
    note_latency(*current_machine(), next);
  next.stack_low = ended.stack_low;
  next.stack_bytes = ended.stack_bytes;
  next.canary = ended.canary;
  next.has_stack.store(true, std::memory_order_relaxed);  // relaxed: as in give_stack
  next.is_on_stack.store(true, std::memory_order_relaxed);  // relaxed: it is ours alone
  return true;
}

void Scheduler::bury(Machine& machine, Fiber& ended) noexcept {
  // While a fiber has it, its end may have been a closure's place.
  Stack stack = stacks_.stack_at(ended.stack_low, ended.canary == nullptr);
  forget_switches(ended);
  machine.has_ended = false;
  Processor& p = *machine.processor;
  forget(p, ended);
  p.stacks.push_back(stack);
  if (p.is_relief) return stacks_.put_some(p.stacks, 1);  // it may not be needed again
  if (p.stacks.size() > Processor::kStacksKept) stacks_.put_some(p.stacks, Processor::kStackBatch);
}

// Its block is free, and so is a promise of a stack.
void Scheduler::forget(Processor& p, Fiber& ended) noexcept {
  ended.id.store(0, std::memory_order_relaxed);  // relaxed: who reads it looks for a change
  p.free_fibers.push_back(&ended);
  bump(p.fibers_ended);
  if (++p.stacks_reserved > Processor::kStacksKept || p.free_fibers.size() > Processor::kStacksKept) [[unlikely]]
    put_back(p);
}

// Or others would have too few.
[[gnu::noinline]] void Scheduler::put_back(Processor& p) noexcept {
  if (p.stacks_reserved > Processor::kStacksKept) {
    stacks_.release(Processor::kStackBatch);
    p.stacks_reserved -= Processor::kStackBatch;
  }
  if (p.free_fibers.size() > Processor::kStacksKept) fibers_.put_some(p.free_fibers, Processor::kStackBatch);
}

void Scheduler::wait_until_off_stack(const Fiber& fiber) noexcept {
  for (int spin = 0; fiber.is_on_stack.load(std::memory_order_acquire); ++spin) {  // acquire: as in switch_to
    if (spin < kPausesPerLook) {
      relax_processor();
    } else {
      ::sched_yield();  // the kernel took its processor away in just that moment
    }
  }
}

// Those that have begun to wait before the root was marked are seen here: the fence of Context::cancel lies in between.
Scheduler::RootMembers::RootMembers(FiberPool& pool) noexcept : fibers(pool) {
  on_cancel = [](Cancellable* self, Step step) noexcept {
    if (step != Step::kWake) return false;
    static_cast<RootMembers*>(self)->fibers.for_each([](Fiber& fiber) {
      if (fiber.claim(Fiber::kContextEndedToken, WaitWord::kFollowsRoot)) internal::make_ready(fiber);
    });
    return true;
  };
}

void bury(Machine& machine, Fiber& ended) noexcept { Scheduler::running().bury(machine, ended); }

[[gnu::always_inline]] inline void Scheduler::end_current(Machine& machine) noexcept {
  Processor& p = *machine.processor;
  Fiber& ended = *machine.fiber;
  Fiber* next = successor(p, Leaving::kEnds);
  if (next != nullptr && hand_stack_over(ended, *next)) {
    machine.fiber = next;
    forget(p, ended);
    return;
  }
  if (next != nullptr && next->is_on_stack.load(std::memory_order_acquire))  // acquire: as in switch_to
    machine.pending = std::exchange(next, nullptr);
  if (next != nullptr) give_stack(p, *next);
  switch_away_for_ever(machine, next);
}

// Entered by a jump and left by one, and everything in between returns: so the processor's stack of return addresses is
// what it was when somebody parked and this fiber began, and the parked one's returns are predicted well.
void sluice_fiber_entry() noexcept {
  Machine* machine = current_machine();
  arrive(*machine, machine->fiber);
  for (;;) {
    Fiber& self = *current()->fiber;
    self.entry(self.closure);
    check_locks_at_end();
    check_mutexes_before_leaving();
    forget_own_context();
    machine = current_machine();
    Scheduler::running().end_current(*machine);  // returns if this stack goes on with another fiber
  }
}

NewFiber make_fiber(std::size_t closure_bytes, std::size_t closure_align, Context* own,
                    std::source_location where) noexcept {
  Fiber* fiber = Scheduler::running().make_fiber(closure_bytes, closure_align, own, where);
  return {fiber, fiber ? fiber->closure : nullptr};
}

void start_fiber(Fiber* fiber, void (*entry)(void* closure) noexcept) noexcept {
  fiber->entry = entry;
  Scheduler::running().make_ready(*fiber);
  yield_if_asked(here());  // who starts a million in a loop would hog
}

}  // namespace sluice::internal
