// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include <sluice/base/assert.hpp>
#include <sluice/base/clock.hpp>
#include <sluice/runtime/internal/biased_lock.hpp>
#include <sluice/runtime/internal/current.hpp>
#include <sluice/runtime/internal/fiber.hpp>
#include <sluice/runtime/internal/latency_histogram.hpp>
#include <sluice/runtime/internal/poller.hpp>
#include <sluice/runtime/internal/run_queue.hpp>
#include <sluice/runtime/internal/stack_pool.hpp>
#include <sluice/runtime/internal/timer_wheel.hpp>

namespace sluice::internal {

/// The next number of a generator that began with any `state`. Source: splitmix64, G. Steele et al., 2014.
inline constexpr std::uint64_t kRandomStep = 0x9e3779b97f4a7c15;
inline std::uint64_t next_random(std::uint64_t& state) noexcept {
  std::uint64_t z = (state += kRandomStep);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

struct Machine;

/// A counter with one writer needs no locked instruction. Its new value.
template <class Number>
inline Number bump(std::atomic<Number>& counter) noexcept {
  // relaxed, both: it publishes nothing.
  Number value = counter.load(std::memory_order_relaxed) + 1;
  counter.store(value, std::memory_order_relaxed);
  return value;
}

/// P: the right to run fibers, with everything that is needed to run them. At any moment it belongs to one machine, or is
/// between two (kBlocking) and may be taken by who changes its state.
struct Processor {
  enum class State : std::uint32_t {
    kUnused,    ///< a relief that has not been needed yet: it has no machine
    kRunning,   ///< its machine runs fibers or looks for some
    kSleeping,  ///< its machine waits in poller.poll(); whoever changes this to kRunning owes it an interrupt()
    kBlocking,  ///< its machine is inside blocking(); sysmon may change this to kRunning and hand the P on
  };

  static constexpr std::size_t kStackBatch = 32;  // stacks, or blocks, that move between a processor and their pool at once
  static constexpr std::size_t kStacksKept = 2 * kStackBatch;

  std::size_t id = 0;
  // Takes part only while somebody hogs his processor; see sysmon.cpp.
  bool is_relief = false;

  // Runs before the queue: the fiber made ready last, which finds its data in the cache. Written under next_lock, by the
  // owner, and by thieves when the owner makes no progress; the lock publishes the fiber. Read without it as a hint.
  std::atomic<Fiber*> next{nullptr};
  BiasedLock next_lock;
  RunQueue queue;
  TimerWheel timers;
  Poller poller;

  std::atomic<State> state{State::kRunning};
  // Who has it, or had it last. Written by who hands it on, read by sysmon; publishes nothing.
  std::atomic<Machine*> machine{nullptr};
  // Sysmon's wish that the running fiber yield. Set by sysmon, read and reset by the owner; publishes nothing.
  std::atomic<bool> is_asked_to_yield{false};
  // Written by sysmon, read by whoever counts; publishes nothing.
  std::atomic<std::uint64_t> hogs{0};
  // Counts turns. Written by the owner, read by sysmon and thieves; publishes nothing.
  std::atomic<std::uint32_t> turns{0};
  // The value of `turns` at which sysmon found the owner stuck. Written by sysmon, read by thieves; publishes nothing.
  std::atomic<std::uint32_t> stuck_at{static_cast<std::uint32_t>(-1)};
  // The time to some milliseconds, for dumps. Written by the owner when it looks at the clock anyway, and by sysmon while the
  // owner does not come to it; publishes nothing.
  std::atomic<std::int64_t> coarse_now_ns{0};
  // Written by the owner, read by whoever counts; publish nothing.
  std::atomic<std::uint64_t> fibers_started{0};
  std::atomic<std::uint64_t> fibers_ended{0};
  std::atomic<std::uint64_t> standbys_begun{0};
  std::atomic<std::uint64_t> standbys_ended{0};    // woken, on this processor
  std::atomic<std::uint64_t> steals{0};
  std::atomic<std::uint64_t> hand_offs{0};         // by sysmon as well, while nobody owns it
  std::atomic<std::uint64_t> blocking_calls{0};
  std::atomic<std::uint64_t> blocking_returns{0};  // that found it still theirs
  std::atomic<std::uint64_t> loop_visits{0};       // looks for a fiber to run, beyond its own queue
  LatencyHistogram latency;

  // For whose queue we were woken. Written by the waker, taken by our owner; publishes nothing.
  std::atomic<Processor*> woken_for{nullptr};
  // Until when a long queue here wakes nobody; 0: it does. Written by who was woken in vain and by the owner, who reads
  // it; publishes nothing.
  std::atomic<std::int64_t> wakes_held_until_ns{0};

  // Owner only:
  std::vector<Stack> stacks;        // free ones, the hottest last
  std::size_t stacks_reserved = 0;  // fibers that may still be started here without asking the pool
  std::vector<Fiber*> free_fibers;  // blocks without a fiber, the hottest last
  Instant served_at;                // timers and poller were looked at
  std::uint64_t served_at_ticks = 0;
  Instant awake_since;              // the last sleep ended
  std::uint64_t held_at_visit = 0;  // of loop_visits: the clock said then that wake-ups are being held
  std::uint32_t wake_ups = 0;       // one in kTimedEvery carries a time stamp
  bool has_seen_talk = false;       // what could have been stolen was soon run by its owner
  std::uint32_t next_streak = 0;    // turns in a row that `next`, or the newest one, got before the queue
  static constexpr std::uint32_t kAnyOrder = static_cast<std::uint32_t>(-1);  // in its place: RuntimeOptions::any_order
  bool runs_in_depth = false;       // since the last join, fibers have only joined or ended
  std::uint64_t random = 0;         // the state of its generator, begun by RuntimeOptions::seed
};

/// M: a thread. Runs fibers while it has a processor; waits as a spare while it has none.
struct Machine : Current {
  Machine() : Current{this} {}

  Processor* retained = nullptr;   // inside blocking(): the one to take back if nobody else has

  Fiber* previous = nullptr;  // switched away from, while the switch lasts
  Fiber* pending = nullptr;   // to be run by the loop as soon as it is off its stack
  bool has_ended = false;     // `previous` will not come back

  void* loop_context = nullptr;  // the scheduler's loop, while a fiber runs
  ExceptionState* thread_exceptions = nullptr;  // __cxa_get_globals() of this thread
  const void* loop_stack_low = nullptr;         // for ASan
  std::size_t loop_stack_bytes = 0;
  void* loop_sanitizer_stack = nullptr;
  void* loop_sanitizer_fiber = nullptr;

  std::atomic<int> thread_id{0};  // the kernel's, while the thread is in the loop; 0: not. Read by who asks what it does
  bool is_spinning = false;
  std::atomic<std::uint32_t> wake{0};  // 1: `processor` was set, or the runtime stops. Futex of a spare.
  Machine* next_spare = nullptr;
  std::thread thread;  // empty for the thread that called run()
};

/// Of the calling thread; null if it is none of ours.
[[nodiscard]] inline Machine* current_machine() noexcept {
  Current* here = current();
  return here != nullptr ? here->machine : nullptr;
}
/// For a thread's beginning and end.
void set_current_machine(Machine* machine) noexcept;

}  // namespace sluice::internal
