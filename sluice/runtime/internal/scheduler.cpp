// SPDX-License-Identifier: MIT
//
// G, the fiber; M, the machine: a thread; P, the processor: the right to run fibers, with a queue, timers and a poller.
// Design: D. Vyukov, "Scalable Go Scheduler" (2012), and Go's proc.go. Unlike there, a P always has an M: an M that finds
// nothing sleeps in its P's poller, so input wakes exactly the P that it belongs to, and no idle P has to be found a
// thread first. An M without P is a spare: it waits until an M goes into a long blocking call and leaves its P behind.
//
// Submitting work                                     Going to sleep
//   1. put the fiber where others find it               1. say so: state = kSleeping, sleepers + 1
//   2. global queue only: ordered before 3 (seq_cst)    2. stop spinning
//   3. if somebody sleeps and nobody spins:             3. (ordered after 1) look once more at the global queue and whatever
//      make one sleeper a spinner, interrupt its poller     could be stolen; if there is something, undo 1
//   Waking costs some 25 µs on a virtual machine, so        (not if it was just seen that its owner is faster)
//   local work wakes somebody only from kWakeDepth on,  4. wait in the poller until the next timer
//   and not for kWakeHold after it was not worth it.
//   Local pushes have no barrier: a sleeper may miss one. The owner of the queue is awake and will run it; if it is
//   busy too long, sysmon notices and wakes somebody.
//
// Spinning: a machine that looks for work and has found none yet. At most one is woken to spin at a time; who stops
// spinning because it found something wakes the next if there is more. Nobody spins for longer than kRipeAfter.
//
// Fairness: `next` runs before the queue, at most kMaxNextStreak turns in a row; every kLoopEvery turns at
// the latest the global queue goes first; timers and poller are looked at each kServeEvery, between two fibers.
// Who joins is followed by the newest of the queue, if that has not run yet: it has probably started it. So is who ends, until
// somebody waits for anything else; the limit is the same as for `next`. So a tree of fibers is run in depth, with as many of
// them at a time as it is high; first come, first served would run it in breadth, with as many as it is wide. Thieves take
// the oldest ones, which are the largest subtrees.
//
// Rejected: one queue for all (its lock is the limit from four processors on); handing each ready fiber to an idle
// processor at once (a prototype burned ten times the processor time); waking through futexes only (the poller of a
// sleeping P would be nobody's).
#include <sluice/runtime/internal/scheduler.hpp>

#include <algorithm>
#include <array>
#include <mutex>

#include <cxxabi.h>
#include <sched.h>
#include <unistd.h>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/internal/context_switch.hpp>
#include <sluice/runtime/internal/futex.hpp>
#include <sluice/runtime/internal/overflow.hpp>
#include <sluice/runtime/internal/park.hpp>
#include <sluice/runtime/internal/prefetch.hpp>
#include <sluice/runtime/internal/stack_trace.hpp>

namespace sluice::internal {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kLoopEvery = 64;       // direct switches between fibers before the loop has a look around (Go: 61)
constexpr std::uint32_t kTicksEvery = 16;      // sooner, if the processor's counter says that kServeEvery has passed
constexpr std::uint32_t kMaxNextStreak = 64;   // two fibers that only wake each other let the queue in after that
// Fibers that only talk to each other get further on one processor than on two, where each word that they share travels
// for longer than they work. So only what has waited is stolen, and who was woken for a processor and has nothing left to
// do within kWorthWaking is not woken for it again for a while. Without this, five workers between two channels took twice
// the time on two processors, and four times the work.
constexpr Duration kRipeAfter = 20us;          // about what it costs to wake somebody
constexpr Duration kWorthWaking = 100us;       // a few times that
constexpr Duration kWakeHold = 1ms;            // at worst one part in ten is lost; sysmon wakes somebody in spite of it
// Fibers in the queue from which on it pays to ask for them in time: either the near caches do not hold them all, or a crowd of
// timers has just woken them.
constexpr std::uint32_t kColdDepth = 16;
constexpr std::uint32_t kFetchedTogether = 4;
// Nobody sleeps for less: the kernel's own slack is as long (prctl(2), PR_SET_TIMERSLACK), and timers that are close to each
// other fire together. With 100,000 of them within 40 ms, a sleep for each took a third of the processor time.
constexpr Duration kTimerSlack = 50us;
constexpr Duration kServeEvery = 50us;         // what a ready socket or timer may wait while fibers run back to back
constexpr std::uint64_t kServeTicks = 100'000;  // about as long: counters run at 1 to 5 GHz
constexpr Duration kFiberWait = 20ms;          // until the next look whether there is memory for a fiber that was refused
constexpr int kPausesPerLook = 30;             // at a queue of another processor, whose owner needs its cache lines
constexpr std::uint32_t kTimedEvery = 64;      // wake-ups: two looks at the clock, some 50 ns, shared by these

// Where thousands wait, who comes next has left the caches. Fetching one's block and then its frames from memory takes some
// hundred nanoseconds each, and as long again to find out where in memory; so that is done for several together, in time.
void prefetch_ahead(const RunQueue& queue) noexcept {
  if (queue.count_popped() % kFetchedTogether != 0) return;
  for (std::uint32_t i = 0; i < kFetchedTogether; ++i)
    if (const Fiber* later = queue.peek(2 * kFetchedTogether + i)) prefetch(later, sizeof(Fiber));
  for (std::uint32_t i = 0; i < kFetchedTogether; ++i)
    // A thief may be starting it at this moment: any value will do, null too.
    if (const Fiber* soon = queue.peek(kFetchedTogether + i)) prefetch_frames(peek(&soon->context));
}

// Those that were woken keep their order; so do those that an event started, or under a flood of events the oldest would
// starve.
bool is_newest_a_new_one(const RunQueue& queue) noexcept {
  const Fiber* newest = queue.peek_newest();
  // relaxed, both: hints; a thief may be starting it.
  return newest != nullptr && !newest->has_stack.load(std::memory_order_relaxed) &&
         !newest->keeps_its_turn.load(std::memory_order_relaxed);
}

// Some counter that runs all the time and costs a few nanoseconds to read; always 0 where we know of none.
std::uint64_t ticks() noexcept {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  return 0;
#endif
}

// Requires: next_lock held.
Fiber* exchange_next(Processor& p, Fiber* fiber) noexcept {
  Fiber* before = p.next.load(std::memory_order_relaxed);  // relaxed, here and below: the lock orders it
  p.next.store(fiber, std::memory_order_relaxed);
  return before;
}

// What the clock says now goes by until the timers and the poller are looked at again.
Instant look_at_clock(Processor& p) noexcept {
  p.served_at = system_clock().now();
  p.served_at_ticks = ticks();
  p.coarse_now_ns.store(p.served_at.time_since_epoch().count(), std::memory_order_relaxed);  // relaxed: for dumps
  return p.served_at;
}

}  // namespace

Instant Scheduler::rough_now() noexcept {
  if (options_.clock) return clock_.now();
  // relaxed: its own, but for what sysmon adds.
  return Instant(Duration(processor().coarse_now_ns.load(std::memory_order_relaxed)));
}

// ---- a machine's loop ----

void Scheduler::machine_main(Machine& machine) noexcept {
  set_current_machine(&machine);
  // __cxa_eh_globals is opaque in the header; the Itanium C++ ABI (§2.2.2) gives its two members.
  machine.thread_exceptions = reinterpret_cast<ExceptionState*>(abi::__cxa_get_globals());
  SignalStack signal_stack;  // a fiber that overflows has no room for the handler that says so
  machine.thread_id.store(::gettid());
  while (!stopping_.load(std::memory_order_relaxed)) {  // relaxed: stop() wakes us after setting it
    if (machine.processor == nullptr) {
      wait_as_spare(machine);
      continue;
    }
    Fiber* fiber = std::exchange(machine.pending, nullptr);
    if (fiber == nullptr) fiber = find_runnable(machine);
    if (fiber == nullptr) break;
    wait_until_off_stack(*fiber);
    bump(machine.processor->turns);
    give_stack(*machine.processor, *fiber);
    switch_context(machine, fiber);
  }
  machine.thread_id.store(0);
  set_current_machine(nullptr);
}

Fiber* Scheduler::find_runnable(Machine& machine) noexcept {
  Processor& p = *machine.processor;
  while (!stopping_.load(std::memory_order_relaxed)) {  // relaxed: as in machine_main
    if (Fiber* fiber = look_everywhere(p)) {
      stop_spinning(machine);
      return fiber;
    }
    sleep(machine);
  }
  return nullptr;
}

Fiber* Scheduler::look_everywhere(Processor& p) noexcept {
  bump(p.loop_visits);
  if (p.is_relief && hogs_.load(std::memory_order_relaxed) == 0) {  // relaxed: a hint
    retire(p);
    return nullptr;
  }
  // relaxed: a hint; who goes to sleep looks again.
  if (starved_count_.load(std::memory_order_relaxed) > 0) [[unlikely]]
    feed_starved();
  // Before the global queue, which is never empty where more are runnable than fit into the queues of the processors.
  if (options_.clock || system_clock().now() - p.served_at > kServeEvery) serve(p);
  if (Fiber* fiber = take_global(p)) return fiber;
  if (Fiber* fiber = take_local(p)) return fiber;
  // Timers that are close to each other keep a processor busy: without asking the kernel for each.
  p.timers.fire_due(clock_.now());
  if (Fiber* fiber = take_local(p)) return fiber;
  serve(p);
  if (Fiber* fiber = take_local(p)) return fiber;
  return steal(p);
}

// Nobody hogs any more. What still belongs to a relief, because it began to wait there, goes on elsewhere when it is ready.
void Scheduler::retire(Processor& relief) noexcept {
  serve(relief);
  while (Fiber* fiber = take_local(relief)) push_global(*fiber);
}

// Where one processor does all the work, only a relief ever steals: it can take a lock, and the owner need not exchange.
[[gnu::always_inline]] inline Fiber* Scheduler::pop(Processor& p, bool newest) noexcept {
  if (regular_count_ > 1) return newest ? p.queue.pop_newest() : p.queue.pop();
  p.next_lock.lock_and_keep(p);
  Fiber* fiber = newest ? p.queue.pop_newest_alone() : p.queue.pop_alone();
  p.next_lock.unlock();
  return fiber;
}

Fiber* Scheduler::steal_half(Processor& victim, Processor& thief) noexcept {
  if (regular_count_ > 1) return victim.queue.steal_into(thief.queue);
  victim.next_lock.lock(&thief);
  Fiber* fiber = victim.queue.steal_into(thief.queue);
  victim.next_lock.unlock();
  return fiber;
}

[[gnu::always_inline]] inline Fiber* Scheduler::take_next(Processor& p) noexcept {
  // relaxed: only thieves change it besides us, and the lock decides.
  if (p.next.load(std::memory_order_relaxed) == nullptr) return nullptr;
  p.next_lock.lock_and_keep(p);
  Fiber* fiber = exchange_next(p, nullptr);
  p.next_lock.unlock();
  return fiber;
}

Fiber* Scheduler::take_local(Processor& p) noexcept {
  if (p.next_streak < kMaxNextStreak) {
    Fiber* fiber = take_next(p);
    if (fiber == nullptr && p.runs_in_depth && is_newest_a_new_one(p.queue)) fiber = pop(p, true);
    if (fiber != nullptr) {
      ++p.next_streak;
      return fiber;
    }
  } else if (p.next_streak == Processor::kAnyOrder) [[unlikely]] {
    return take_any(p);
  }
  p.next_streak = 0;
  if (Fiber* fiber = pop(p)) {
    if (p.queue.size_approx() >= kColdDepth || global_.size_approx() > 0) prefetch_ahead(p.queue);
    return fiber;
  }
  return take_next(p);
}

// Each with the same probability, `next` too; the others keep their order in a circle.
[[gnu::cold]] Fiber* Scheduler::take_any(Processor& p) noexcept {
  if (Fiber* next = take_next(p)) push_local(p, *next);
  std::uint32_t size = p.queue.size_approx();
  for (std::uint64_t i = size > 0 ? next_random(p.random) % size : 0; i > 0; --i) p.queue.push(pop(p));
  return pop(p);
}

Fiber* Scheduler::take_global(Processor& p) noexcept {
  if (global_.size_approx() == 0) return nullptr;
  std::array<Fiber*, RunQueue::kCapacity / 2> taken;
  // Its own wake-ups need room as well, or they would go to the end of this queue, and come back some time, half a ring at once.
  std::size_t room = taken.size() - std::min<std::size_t>(p.queue.size_approx(), taken.size() - 1);
  std::size_t count = global_.take_share(std::span(taken).first(room), regular_count_);
  for (std::size_t i = 1; i < count; ++i) p.queue.push(taken[i]);  // thieves only make more room
  return count > 0 ? taken[0] : nullptr;
}

Fiber* Scheduler::steal(Processor& thief) noexcept {
  std::size_t first = next_random(thief.random) % processors_.size();
  for (std::size_t i = 0; i < processors_.size(); ++i) {
    Processor& victim = processors_[(first + i) % processors_.size()];
    if (!may_rob(thief, victim)) continue;
    if (Fiber* fiber = steal_from(victim, thief)) return fiber;
  }
  return take_global(thief);
}

Fiber* Scheduler::steal_from(Processor& victim, Processor& thief) noexcept {
  if (makes_progress(victim) && !is_ripe(victim)) {
    thief.has_seen_talk = true;
    return nullptr;
  }
  if (Fiber* fiber = steal_half(victim, thief)) {
    bump(thief.steals);
    return fiber;
  }
  if (!is_stuck(victim)) return nullptr;
  // A stuck owner serves nobody: its timers, its sockets and its next fiber are ours to take.
  victim.timers.fire_due(clock_.now());
  Wakeups wakeups;
  victim.poller.poll(Duration::zero(), wakeups);
  wakeups.run();
  victim.next_lock.lock(&thief);
  Fiber* fiber = exchange_next(victim, nullptr);
  victim.next_lock.unlock();
  if (fiber == nullptr) return take_local(thief);
  bump(thief.steals);
  return fiber;
}

// Spins until what waits now has waited for long enough; false: its owner got to it first, or there is other work.
bool Scheduler::is_ripe(const Processor& victim) const noexcept {
  RunQueue::Mark mark = victim.queue.mark();
  Instant until = system_clock().now() + kRipeAfter;
  while (victim.queue.still_waiting_approx(mark) >= kStealDepth) {
    if (global_.size_approx() > 0) return false;
    if (system_clock().now() >= until) return true;
    for (int pause = 0; pause < kPausesPerLook; ++pause) relax_processor();
  }
  return false;
}

void Scheduler::serve(Processor& p) noexcept {
  Instant now = look_at_clock(p);
  p.timers.fire_due(options_.clock ? clock_.now() : now);
  Wakeups wakeups;
  p.poller.poll(Duration::zero(), wakeups);
  wakeups.run();
}

void Scheduler::sleep(Machine& machine) noexcept {
  Processor& p = *machine.processor;
  // All seq_cst, here and in push_global and wake_one_processor. Forbidden: we sleep, and work lies in the global queue.
  // In their one order either our load of its size sees the push, or the pusher's load of sleepers_ sees us.
  p.state.store(Processor::State::kSleeping);
  if (!p.is_relief) sleepers_.fetch_add(1);
  if (machine.is_spinning) {
    machine.is_spinning = false;
    spinners_.fetch_sub(1);
  }
  bool has_missed_work = global_.size() > 0 || (!std::exchange(p.has_seen_talk, false) && is_there_work_for(p));
  // A relief may sleep beside work, which is not its own unless somebody hogs; and then sysmon calls it again and again.
  if ((has_missed_work && !p.is_relief) || stopping_.load() || skip_idle_time(p)) {
    leave_sleep(machine);
    return;
  }
  judge_wake_up(p);
  std::optional<Duration> timeout;
  if (Instant next = p.timers.next_approx(); next != Instant::max() && options_.clock == nullptr)
    timeout = std::max(next - clock_.now(), kTimerSlack);
  if (starved_count_.load() > 0) timeout = std::min(timeout.value_or(kFiberWait), kFiberWait);
  Wakeups wakeups;
  p.poller.poll(timeout, wakeups);
  leave_sleep(machine);
  p.awake_since = look_at_clock(p);
  p.timers.fire_due(options_.clock ? clock_.now() : p.awake_since);
  wakeups.run();
}

// Before P sleeps again: was it worth waking?
void Scheduler::judge_wake_up(Processor& p) noexcept {
  Processor* waker = p.woken_for.exchange(nullptr, std::memory_order_relaxed);  // relaxed: says nothing about anything else
  if (waker == nullptr) return;
  Instant now = system_clock().now();
  if (now - p.awake_since >= kWorthWaking) return;
  // relaxed: a hint for when to wake; nothing depends on seeing it.
  waker->wakes_held_until_ns.store((now + kWakeHold).time_since_epoch().count(), std::memory_order_relaxed);
}

// Reads the clock once for each visit of the loop, that is every kLoopEvery turns at the latest, and only while wake-ups are being held.
bool Scheduler::are_wakes_held(Processor& p) noexcept {
  std::int64_t until = p.wakes_held_until_ns.load(std::memory_order_relaxed);  // relaxed: as in judge_wake_up
  if (until == 0) return false;
  std::uint64_t visit = p.loop_visits.load(std::memory_order_relaxed);  // relaxed: ours
  if (p.held_at_visit == visit) return true;
  if (system_clock().now().time_since_epoch().count() < until) {
    p.held_at_visit = visit;
    return true;
  }
  p.wakes_held_until_ns.store(0, std::memory_order_relaxed);  // relaxed: should a newer one get lost, we wake once more
  return false;
}

// True: we ended it ourselves. False: somebody made us a spinner and has interrupted the poller.
bool Scheduler::leave_sleep(Machine& machine) noexcept {
  if (machine.processor->state.exchange(Processor::State::kRunning) == Processor::State::kSleeping) {
    count_awake(*machine.processor);
    return true;
  }
  machine.is_spinning = true;
  return false;
}

// In tests with a clock of their own: everybody waits, so the next thing that happens is the next timer.
bool Scheduler::skip_idle_time(Processor& p) noexcept {
  Instant next = p.timers.next_approx();
  if (options_.clock == nullptr || next == Instant::max() || away_.load() > 0) return false;
  // A fiber that came back from blocking() was in the global queue before it left the count.
  if (global_.size() > 0) return true;
  Duration left = next - clock_.now();
  if (left > Duration::zero()) options_.clock->advance(left);
  return true;
}

void Scheduler::wait_as_spare(Machine& machine) noexcept {
  {
    std::lock_guard hold(machines_lock_);
    if (stopping_.load()) return;
    machine.wake.store(0);
    machine.next_spare = spares_;
    spares_ = &machine;
  }
  while (machine.wake.load() == 0) futex_wait(machine.wake, 0);
}

// ---- placing work ----

// Nobody else has the fiber at this moment; who runs it looks at the clock again.
void begin_timing(Fiber& fiber) noexcept {
  fiber.is_timed = true;
  // relaxed: published with the fiber
  fiber.since_ns.store(system_clock().now().time_since_epoch().count(), std::memory_order_relaxed);
}

void note_latency(Machine& machine, Fiber& fiber) noexcept {
  fiber.is_timed = false;
  // relaxed: came with the fiber
  machine.processor->latency.note(system_clock().now().time_since_epoch().count() -
                                  fiber.since_ns.load(std::memory_order_relaxed));
}

void Scheduler::make_ready(Fiber& fiber) noexcept {
  Machine* machine = current_machine();
  if (machine == nullptr || machine->processor == nullptr) return push_global(fiber);
  Processor& p = *machine->processor;
  if (++p.wake_ups % kTimedEvery == 0) [[unlikely]]
    begin_timing(fiber);
  p.next_lock.lock_and_keep(p);
  Fiber* displaced = exchange_next(p, &fiber);
  p.next_lock.unlock();
  if (displaced != nullptr) push_local(p, *displaced);
}

void Scheduler::make_ready_behind(Fiber& fiber) noexcept {
  Machine* machine = current_machine();
  if (machine == nullptr || machine->processor == nullptr) return push_global(fiber);
  push_local(*machine->processor, fiber);
}

void Scheduler::push_local(Processor& p, Fiber& fiber) noexcept {
  if (!p.queue.push(&fiber)) return push_global(p, fiber);
  // relaxed: a hint; without a barrier in push it could be no more than that.
  if (sleepers_.load(std::memory_order_relaxed) > 0 && p.queue.size_approx() >= kWakeDepth && !are_wakes_held(p))
    wake_one_processor(&p);
}

void Scheduler::push_global(Fiber& fiber) noexcept {
  Fiber* one = &fiber;
  global_.push(std::span(&one, 1));
  wake_one_processor();
}

// The processor's queue is full: half of it goes along, so that this happens once in a while (as in Go).
void Scheduler::push_global(Processor& p, Fiber& fiber) noexcept {
  std::array<Fiber*, RunQueue::kCapacity / 2 + 1> moved;
  std::size_t count = p.queue.pop_some(std::span(moved).first(moved.size() - 1));
  moved[count++] = &fiber;
  global_.push(std::span(moved).first(count));
  wake_one_processor();
}

void Scheduler::wake_one_processor(Processor* for_whom) noexcept {
  while (sleepers_.load() > 0) {  // seq_cst: see sleep()
    std::uint32_t none = 0;
    // At most one is on its way at a time: it wakes the next if there is more.
    if (!spinners_.compare_exchange_strong(none, 1)) return;
    for (Processor& p : processors_) {
      if (p.is_relief) break;  // sysmon wakes those
      auto sleeping = Processor::State::kSleeping;
      if (!p.state.compare_exchange_strong(sleeping, Processor::State::kRunning)) continue;
      p.woken_for.store(for_whom, std::memory_order_relaxed);  // relaxed: as in judge_wake_up
      count_awake(p);
      p.poller.interrupt();
      return;
    }
    spinners_.fetch_sub(1);
    // Nobody was left to wake. But who pushed while we counted as a spinner has left it to us, and a processor that we
    // had passed may have gone to sleep without seeing that work. (Go's proc.go calls this "needspinning".)
    if (global_.size() == 0) return;
    ::sched_yield();  // or somebody is awake and has yet to count himself so
  }
}

void Scheduler::stop_spinning(Machine& machine) noexcept {
  if (!machine.is_spinning) return;
  machine.is_spinning = false;
  spinners_.fetch_sub(1);
  if (global_.size() > 0 || is_there_work_for(*machine.processor)) wake_one_processor();
}

bool Scheduler::is_stuck(const Processor& p) const noexcept {
  // relaxed, here and below: hints; what is acted upon is checked by an exchange. One that the kernel was slow to wake
  // looks stuck as well, and goes on to look so when it sleeps again: hence the state.
  return p.stuck_at.load(std::memory_order_relaxed) == p.turns.load(std::memory_order_relaxed) &&
         p.state.load(std::memory_order_relaxed) == Processor::State::kRunning;
}

bool Scheduler::makes_progress(const Processor& p) const noexcept {
  // relaxed: as above.
  return !is_stuck(p) && p.state.load(std::memory_order_relaxed) != Processor::State::kBlocking;
}

bool Scheduler::has_stealable_work(const Processor& p) const noexcept {
  std::uint32_t size = p.queue.size_approx();
  return size >= kStealDepth || is_stuck(p) || (size > 0 && !makes_progress(p));
}

// A relief, and a processor that is the only regular one, take nothing but what somebody stuck keeps from running.
bool Scheduler::may_rob(const Processor& thief, const Processor& victim) const noexcept {
  if (&thief == &victim || !has_stealable_work(victim)) return false;
  return is_stuck(victim) || (!thief.is_relief && regular_count_ > 1);
}

// Asks what steal() asks, or a thief would stay awake for what it may not take.
bool Scheduler::is_there_work_for(const Processor& thief) const noexcept {
  return std::ranges::any_of(processors_, [&](const Processor& victim) {
    return victim.queue.size_approx() > 0 && may_rob(thief, victim);
  });
}

// ---- who runs next ----

Fiber* Scheduler::successor(Processor& p, Leaving how) noexcept {
  if (how != Leaving::kEnds) p.runs_in_depth = how == Leaving::kJoins;
  std::uint32_t turns = bump(p.turns);
  // How long something took must not decide who is next where a test does.
  if (turns % kTicksEvery == 0 &&
      (turns % kLoopEvery == 0 || (options_.clock == nullptr && ticks() - p.served_at_ticks > kServeTicks)))
    return nullptr;
  return take_local(p);
}

void Scheduler::yield_current() noexcept {
  Machine& machine = *current_machine();
  machine.processor->is_asked_to_yield.store(false, std::memory_order_relaxed);  // relaxed: granted
  push_local(*machine.processor, *machine.fiber);
  switch_to(machine, successor(*machine.processor, Leaving::kWaits));
}

// ---- what the rest of the runtime sees ----

void make_ready(Fiber& fiber) noexcept { Scheduler::running().make_ready(fiber); }

Context& root_context() noexcept { return Scheduler::running().root(); }

}  // namespace sluice::internal
