// SPDX-License-Identifier: MIT
//
// Processors that change hands: a thread goes into a call that may block, and its processor goes on with another.
#include <sluice/runtime/internal/scheduler.hpp>

#include <mutex>
#include <system_error>
#include <utility>

#include <sluice/runtime/internal/futex.hpp>
#include <sluice/runtime/internal/park.hpp>

namespace sluice::internal {

void Scheduler::enter_blocking(Expect expect) noexcept {
  // relaxed: each processor may let one in too many.
  if (lasting_calls_.load(std::memory_order_relaxed) >= options_.blocking_calls_max) [[unlikely]]
    wait_for_room_to_block();
  Machine& machine = *current_machine();
  Processor& p = *std::exchange(machine.processor, nullptr);
  bump(p.turns);  // sysmon must not take this call for an earlier one
  bump(p.blocking_calls);
  count_away(+1);
  machine.retained = nullptr;
  if (expect == Expect::kLong) {
    bump(p.hand_offs);  // before: afterwards it is not ours
    if (leave_behind(p)) return;
  }
  machine.retained = &p;
  // release: pairs with the acquire of whoever takes the processor; it sees the queue and the timers as we left them.
  p.state.store(Processor::State::kBlocking, std::memory_order_release);
}

void Scheduler::leave_blocking() noexcept {
  Machine& machine = *current_machine();
  if (Processor* p = std::exchange(machine.retained, nullptr)) {
    auto blocking = Processor::State::kBlocking;
    // acquire: nobody had it in between, or we would not get it back; as strong as the store it pairs with.
    if (p->state.compare_exchange_strong(blocking, Processor::State::kRunning, std::memory_order_acquire)) {
      machine.processor = p;
      bump(p->blocking_returns);
      count_away(-1);
      return;
    }
  }
  // Our processor has gone on without us: queue up for any, and become a spare.
  push_global(*machine.fiber);
  make_room_to_block();
  late_returns_.fetch_add(1);  // after both: what they have made runnable is seen first, see is_deadlocked
  count_away(-1);
  // Meanwhile the fiber may have run and gone to sleep; seeing it counted, its processor would not let time jump.
  if (options_.clock != nullptr) wake_one_processor();
  switch_context(machine, nullptr);
}

// Each call that lasts has a thread of its own, and those are not without end. If a processor stayed with the call instead, the
// one that has to happen before the others return might be among those that wait for it.
//
// While fibers wait here there is no room, so that a call will return and make some, or one of them is on its way to look: who
// returns wakes the first, and who finds room the next, for his own call may not last.
[[gnu::noinline]] void Scheduler::wait_for_room_to_block() noexcept {
  for (bool has_waited = false;; has_waited = true) {
    lasting_calls_lock_.lock();
    if (lasting_calls_.load() < options_.blocking_calls_max) return let_next_one_block();
    Waiter waiter(&this_fiber());
    has_waited ? waiting_to_block_.push_front(waiter) : waiting_to_block_.push_back(waiter);
    wait_in_queue(waiting_to_block_, waiter, lasting_calls_lock_, ParkReason::kBlockingRoom, nullptr);
  }
}

// Requires: lasting_calls_lock_ held, which it releases.
void Scheduler::let_next_one_block() noexcept {
  Waiter* waiter = waiting_to_block_.claim_front();
  lasting_calls_lock_.unlock();
  if (waiter != nullptr) push_global(*waiter->fiber);
}

// Counts down before it takes the lock, under which who waits has looked.
void Scheduler::make_room_to_block() noexcept {
  if (lasting_calls_.fetch_sub(1) > options_.blocking_calls_max) return;  // more than may last still do
  lasting_calls_lock_.lock();
  let_next_one_block();
}

// The processor goes on, the call stays. Counted before, for it may return at once. False: as hand_on.
bool Scheduler::leave_behind(Processor& p) noexcept {
  lasting_calls_.fetch_add(1);
  if (hand_on(p)) return true;
  lasting_calls_.fetch_sub(1);
  return false;
}

// False: there is no machine to be had, or the runtime stops; the processor stays with the caller.
bool Scheduler::hand_on(Processor& p) noexcept {
  Machine* heir = nullptr;
  {
    std::lock_guard hold(machines_lock_);
    if (stopping_.load()) return false;
    if (spares_ == nullptr) return add_machine(p);
    heir = std::exchange(spares_, spares_->next_spare);
    heir->processor = &p;
    p.machine.store(heir, std::memory_order_relaxed);  // relaxed: for sysmon, which looks at it only
  }
  heir->wake.store(1);
  futex_wake(heir->wake);
  return true;
}

// The lock is held while the kernel makes the thread, so that stop() either finds it or keeps it from being made.
bool Scheduler::add_machine(Processor& p) noexcept {
  Machine& machine = machines_.emplace_back();
  machine.processor = &p;
  p.machine.store(&machine, std::memory_order_relaxed);  // relaxed: as above
  try {
    machine.thread = std::thread([this, &machine] { machine_main(machine); });
  } catch (const std::system_error&) {  // the process or its cgroup has no thread left
    machines_.pop_back();
    return false;
  }
  return true;
}

// For tests with a clock of their own; without one nobody asks, and the word stays out of the processors' way.
void Scheduler::count_away(int change) noexcept {
  if (options_.clock != nullptr) away_.fetch_add(change);
}

}  // namespace sluice::internal
