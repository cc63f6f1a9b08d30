// SPDX-License-Identifier: MIT
//
// The thread without a processor that looks after the others. Each look at a processor compares its count of turns with that
// of the last look:
//
//   no turn since, inside blocking()   → hand the processor on to another machine
//   no turn since, in a fiber          → stuck: thieves may take its next fiber and serve its timers and sockets, too
//   still stuck after hog_after        → a hog: it is counted, reported and asked to yield, and a relief begins to work
//   turns, but a queue that waits      → wake a processor to share it
//
// A relief is a processor beyond those that RuntimeOptions promises. Where each regular one is hogged or busy, nobody would
// be left to steal what the hog keeps from running; so for as long as there is a hog, a relief takes from the global queue
// and from who is stuck. It wakes for the sockets of the hogged by itself, and at each look sysmon wakes it for the rest:
// their timers, and who is stuck and not yet a hog.
// The hog itself keeps its processor: it may touch it at any moment, and taking it away would need a signal at a point where
// that is harmless, which only a compiler could tell (Go's can). So we never run more than one fiber too many for each hog.
#include <algorithm>
#include <chrono>

#include <sluice/runtime/dump.hpp>
#include <sluice/runtime/internal/dump_signal.hpp>
#include <sluice/runtime/internal/futex.hpp>
#include <sluice/runtime/internal/probe.hpp>
#include <sluice/runtime/internal/scheduler.hpp>
#include <sluice/runtime/internal/stack_trace.hpp>
#include <sluice/runtime/internal/symbols.hpp>

namespace sluice::internal {
namespace {

using namespace std::chrono_literals;

constexpr Duration kFast = 200us;         // a blocking call is noticed after one to two of these
constexpr Duration kHogged = 1ms;         // how long the timers of a hogged processor wait for a relief
constexpr Duration kSlow = 10ms;          // with nothing to do, as in Go
constexpr Duration kTrimEvery = 1s;       // how long a stack lies idle before its memory goes back
constexpr Duration kReportEvery = 1s;     // hogs, so that a service full of them still has a log that one can read
constexpr Duration kProbePatience = 5ms;  // a thread that computes answers in microseconds, if it has a processor

// Without the frames of the signal and of this file's caller: the innermost first.
std::string describe(const StackTrace& trace) {
  Symbols symbols;
  std::string text;
  for (std::size_t i = 0; i < trace.count; ++i) text += symbols.describe(trace.frames[i]) + "\n";
  return text;
}

}  // namespace

void Scheduler::sysmon_main() noexcept {
  std::vector<Seen> seen(processors_.size());
  Duration pause = kFast;
  Instant trimmed_at = system_clock().now();
  while (sysmon_word_.load() != kSysmonStops) {
    futex_wait(sysmon_word_, kSysmonTicks, pause);
    if (dump_wanted_.exchange(false)) write_to_stderr("SIGQUIT: " + dump_fibers() + "(the program goes on)\n");
    Instant now = system_clock().now();
    bool had_work = false;
    std::uint32_t hogs = 0;
    for (std::size_t i = 0; i < processors_.size(); ++i) {
      had_work |= look_after(processors_[i], seen[i], now);
      hogs += seen[i].is_hogged ? 1 : 0;
    }
    hogs_.store(hogs, std::memory_order_relaxed);  // relaxed: reliefs that miss it are told again soon
    let_relief_watch(seen);
    call_reliefs(hogs);
    pause = had_work ? kFast : std::min(pause * 2, hogs > 0 ? kHogged : kSlow);
    if (now - trimmed_at >= kTrimEvery) {
      stacks_.sample_use();
      stacks_.trim();
      fibers_.trim();
      BiasedLock::refill_budget();
      trimmed_at = now;
    }
    if (pause != kSlow || stacks_.has_surplus() || fibers_.has_surplus()) continue;
    if (sleep_while_all_sleep()) pause = kFast;
  }
}

// True: something was wrong, or soon may be, so look again before long.
bool Scheduler::look_after(Processor& p, Seen& seen, Instant now) noexcept {
  // relaxed: all of this is observation; what is acted upon is checked by an exchange.
  std::uint32_t turns = p.turns.load(std::memory_order_relaxed);
  bool made_progress = std::exchange(seen.turns, turns) != turns;
  std::uint32_t waiting = p.queue.still_waiting_approx(std::exchange(seen.queue, p.queue.mark()));
  auto state = p.state.load(std::memory_order_relaxed);  // as above
  bool is_stuck = !made_progress && state == Processor::State::kRunning;
  if (!is_stuck) {
    seen.stuck_since = now;
    seen.is_hogged = false;
  }
  if (state == Processor::State::kSleeping || state == Processor::State::kUnused) return false;
  if (made_progress) {
    if (waiting >= kStealDepth) wake_one_processor();  // they have waited since we last looked
    bool could_be_helped = p.queue.size_approx() >= kWakeDepth && sleepers_.load() > 0;
    return could_be_helped || state == Processor::State::kBlocking;
  }
  if (state == Processor::State::kBlocking) {
    // acquire: pairs with the release in enter_blocking.
    if (p.state.compare_exchange_strong(state, Processor::State::kRunning, std::memory_order_acquire)) {
      p.hand_offs.fetch_add(1, std::memory_order_relaxed);  // relaxed: a number
      if (!leave_behind(p)) p.state.store(Processor::State::kBlocking, std::memory_order_release);  // release: as in enter_blocking
    }
    return true;
  }
  // One fiber has had the processor since we last looked: what else belongs to it is free for others to take.
  p.stuck_at.store(turns, std::memory_order_relaxed);  // relaxed: a hint for thieves
  p.coarse_now_ns.store(now.time_since_epoch().count(), std::memory_order_relaxed);  // relaxed: for dumps
  wake_one_processor();
  if (!seen.is_hogged && options_.clock == nullptr && now - seen.stuck_since >= options_.hog_after) {
    seen.is_hogged = true;
    deal_with_hog(p, now - seen.stuck_since);
  }
  return p.queue.size_approx() > 0 || p.next.load(std::memory_order_relaxed) != nullptr;  // relaxed: as above
}

void Scheduler::deal_with_hog(Processor& p, Duration kept_for) noexcept {
  p.hogs.fetch_add(1, std::memory_order_relaxed);              // relaxed, here and below: publish nothing
  p.is_asked_to_yield.store(true, std::memory_order_relaxed);
  Instant now = system_clock().now();
  if (hog_reported_at_ != Instant() && now - hog_reported_at_ < kReportEvery) {
    ++hogs_unreported_;
    return;
  }
  Machine* machine = p.machine.load(std::memory_order_relaxed);
  // Its machine writes it at each switch; the block stays readable when the fiber ends.
  auto* fiber = reinterpret_cast<const Fiber*>(peek(&machine->fiber));
  if (fiber == nullptr) return;
  std::uint64_t id = peek(&fiber->id);
  std::optional<std::source_location> started_at = fibers_.started_at(id);
  if (!started_at) return;  // it has ended meanwhile
  auto answer = probe_thread(machine->thread_id.load(), kProbePatience);
  bool is_still_there = answer && answer->fiber_id == id && !answer->is_blocking;
  hog_reported_at_ = now;
  Hog hog{.fiber = id,
          .started_at = *started_at,
          .kept_for = kept_for,
          .stack = is_still_there ? describe(answer->trace) : "",
          .unreported = std::exchange(hogs_unreported_, 0)};
  options_.on_hog ? options_.on_hog(hog) : report_hog(hog);
}

// Who sleeps wakes for his own sockets only; those of the hogged would wait for our next look, each time. So the first relief
// that is free watches them as well. Only one does: if two could, each might come to watch the other.
void Scheduler::let_relief_watch(std::vector<Seen>& seen) noexcept {
  std::size_t free = regular_count_;
  while (free < processors_.size() && seen[free].is_hogged) ++free;
  for (std::size_t i = 0; i < processors_.size(); ++i) {
    Processor* wanted = seen[i].is_hogged && free < processors_.size() ? &processors_[free] : nullptr;
    if (seen[i].watcher == wanted) continue;
    if (seen[i].watcher != nullptr) seen[i].watcher->poller.unwatch(processors_[i].poller);
    bool is_watched = wanted != nullptr && wanted->poller.watch(processors_[i].poller);  // or we try again
    seen[i].watcher = is_watched ? wanted : nullptr;
  }
}

// As many as there are hogs begin to work, or look again.
void Scheduler::call_reliefs(std::uint32_t hogs) noexcept {
  for (std::size_t i = regular_count_; i < processors_.size() && hogs > 0; ++i) {
    Processor& relief = processors_[i];
    if (is_stuck(relief)) continue;  // hogged itself
    --hogs;
    auto unused = Processor::State::kUnused;
    if (!relief.state.compare_exchange_strong(unused, Processor::State::kRunning)) {
      relief.poller.interrupt();
    } else if (!hand_on(relief)) {
      relief.state.store(Processor::State::kUnused);
    }
  }
}

bool Scheduler::is_anybody_awake() const noexcept {
  return sleepers_.load() != regular_count_ || std::ranges::any_of(processors_, [](const Processor& p) {
           auto state = p.state.load();
           return p.is_relief && state != Processor::State::kSleeping && state != Processor::State::kUnused;
         });
}

// An idle process costs nothing: sysmon sleeps as well, until a processor wakes. False: one was awake.
bool Scheduler::sleep_while_all_sleep() noexcept {
  std::uint32_t ticks = kSysmonTicks;
  // All seq_cst, here and in count_awake. Forbidden: we sleep and a processor runs. In their one order either our load of
  // sleepers_ sees its step out of it, or its load of sysmon_word_ sees that we sleep.
  if (!sysmon_word_.compare_exchange_strong(ticks, kSysmonSleeps)) return false;
  if (is_anybody_awake() || dump_wanted_.load()) {
    std::uint32_t sleeps = kSysmonSleeps;
    sysmon_word_.compare_exchange_strong(sleeps, kSysmonTicks);  // unless it was changed to something better
    return false;
  }
  end_if_deadlocked();
  while (sysmon_word_.load() == kSysmonSleeps) futex_wait(sysmon_word_, kSysmonSleeps);
  return true;
}

void Scheduler::count_awake(const Processor& p) noexcept {
  if (!p.is_relief) sleepers_.fetch_sub(1);
  wake_sysmon();
}

void Scheduler::wake_sysmon() noexcept {
  std::uint32_t sleeps = kSysmonSleeps;
  if (sysmon_word_.load() != kSysmonSleeps || !sysmon_word_.compare_exchange_strong(sleeps, kSysmonTicks)) return;
  futex_wake(sysmon_word_);
}

}  // namespace sluice::internal
