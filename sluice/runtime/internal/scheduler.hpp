// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <source_location>
#include <thread>
#include <vector>

#include <sluice/base/assert.hpp>
#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/runtime/blocking.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/internal/context_switch.hpp>
#include <sluice/runtime/internal/fiber_pool.hpp>
#include <sluice/runtime/internal/global_queue.hpp>
#include <sluice/runtime/internal/machine.hpp>
#include <sluice/runtime/internal/mutex_watch.hpp>
#include <sluice/runtime/internal/survey.hpp>
#include <sluice/runtime/internal/vital_signs.hpp>
#include <sluice/runtime/internal/wait_queue.hpp>
#include <sluice/runtime/standby.hpp>

namespace sluice::internal {

/// Runs fibers (G) on threads (M) that hold processors (P). scheduler.cpp begins with how.
/// Threads: any, unless said otherwise. Lifetime: one at a time, from run() to its return.
class Scheduler {
 public:
  explicit Scheduler(const RuntimeOptions& options);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  ~Scheduler();

  /// The running one. Requires: there is one.
  [[nodiscard]] static Scheduler& running() noexcept {
    // acquire: pairs with the store in run(); whoever asks from a foreign thread sees a complete scheduler.
    Scheduler* scheduler = running_.load(std::memory_order_acquire);
    SLUICE_ASSERT(scheduler != nullptr, "this needs a running runtime: call it inside sluice::run");
    return *scheduler;
  }
  /// Null: there is none. Safe in a signal handler.
  [[nodiscard]] static Scheduler* running_or_null() noexcept { return running_.load(); }

  /// Turns the calling thread into the first machine until stop(); `main` becomes the first fiber. An error: the system
  /// refuses what it takes to start; `main` has not begun, and no thread of ours is left.
  Result<void> run(std::function<void()> main, std::source_location where);
  void stop() noexcept;

  [[nodiscard]] Fiber* make_fiber(std::size_t closure_bytes, std::size_t closure_align, Context* own,
                                  std::source_location where) noexcept;
  /// For who has been woken; null: there is none now, and it will get one by itself.
  [[nodiscard]] Fiber* make_fiber(Standby& standby, Standby::Cause cause) noexcept;
  void make_ready(Fiber& fiber) noexcept;
  void make_ready_behind(Fiber& fiber) noexcept;  ///< at the end of the queue instead of next
  void yield_current() noexcept;
  /// Who runs when the current fiber leaves: straight on to the next one. Now and then null: the loop, which looks at timers,
  /// sockets and the global queue.
  Fiber* successor(Processor& p, Leaving how) noexcept;
  /// Leaves the current fiber, which is in a queue or will be, for that one. Returns when somebody switches back.
  void switch_to(Machine& machine, Fiber* next) noexcept;
  /// Returns if the stack goes on with another fiber, which is current then.
  void end_current(Machine& machine) noexcept;
  void enter_blocking(Expect expect) noexcept;
  void leave_blocking() noexcept;
  void bury(Machine& machine, Fiber& ended) noexcept;

  [[nodiscard]] Clock& clock() noexcept { return clock_; }
  /// What clock() said when this thread's processor looked at its timers and sockets the last time; now, in made-up time.
  [[nodiscard]] Instant rough_now() noexcept;
  [[nodiscard]] Context& root() noexcept { return *root_; }
  [[nodiscard]] PollEntryPool& poll_entries() noexcept { return poll_entries_; }
  [[nodiscard]] const StackPool& stacks() const noexcept { return stacks_; }
  [[nodiscard]] std::size_t processor_count() const noexcept { return regular_count_; }
  /// Of the calling machine. Requires: in a fiber.
  [[nodiscard]] static Processor& processor() noexcept {
    Processor* processor = current_processor();
    SLUICE_ASSERT(processor != nullptr, "only a fiber, outside of blocking(), has a processor");
    return *processor;
  }
  /// What all fibers do. Asks the threads; stops the calling one for about a microsecond a fiber.
  [[nodiscard]] Survey survey();
  /// Adds up what the processors count. Takes no lock.
  [[nodiscard]] VitalSigns vital_signs() const noexcept;
  /// Fibers that wait for this processor, or in the global queue.
  [[nodiscard]] std::size_t queue_depth(std::size_t processor) const noexcept;
  static constexpr std::size_t kGlobalQueue = static_cast<std::size_t>(-1);
  /// Sysmon will write a dump to standard error. Safe in a signal handler.
  void request_dump() noexcept;

 private:
  friend struct DebugLayout;
  struct Main;

  // Starting.
  [[nodiscard]] Result<void> check_pollers() const;
  [[nodiscard]] Result<void> start_threads();
  [[nodiscard]] Result<void> start_main(Main& main, std::source_location where);

  // The machine's loop, on the thread's own stack.
  void machine_main(Machine& machine) noexcept;
  Fiber* find_runnable(Machine& machine) noexcept;
  Fiber* look_everywhere(Processor& p) noexcept;
  Fiber* take_local(Processor& p) noexcept;
  Fiber* take_any(Processor& p) noexcept;
  void retire(Processor& relief) noexcept;
  Fiber* pop(Processor& p, bool newest = false) noexcept;
  Fiber* steal_half(Processor& victim, Processor& thief) noexcept;
  Fiber* take_next(Processor& p) noexcept;
  Fiber* take_global(Processor& p) noexcept;
  Fiber* steal(Processor& thief) noexcept;
  Fiber* steal_from(Processor& victim, Processor& thief) noexcept;
  void serve(Processor& p) noexcept;
  void feed_starved() noexcept;
  void sleep(Machine& machine) noexcept;
  bool skip_idle_time(Processor& p) noexcept;
  void wait_as_spare(Machine& machine) noexcept;

  // Placing work.
  void push_local(Processor& p, Fiber& fiber) noexcept;
  void push_global(Fiber& fiber) noexcept;
  void push_global(Processor& p, Fiber& fiber) noexcept;
  void wake_one_processor(Processor* for_whom = nullptr) noexcept;
  void judge_wake_up(Processor& p) noexcept;
  [[nodiscard]] bool are_wakes_held(Processor& p) noexcept;
  void stop_spinning(Machine& machine) noexcept;
  [[nodiscard]] bool is_ripe(const Processor& victim) const noexcept;
  [[nodiscard]] bool is_stuck(const Processor& p) const noexcept;
  [[nodiscard]] bool makes_progress(const Processor& p) const noexcept;
  [[nodiscard]] bool has_stealable_work(const Processor& p) const noexcept;
  [[nodiscard]] bool may_rob(const Processor& thief, const Processor& victim) const noexcept;
  [[nodiscard]] bool is_there_work_for(const Processor& thief) const noexcept;
  bool leave_sleep(Machine& machine) noexcept;
  void count_awake(const Processor& p) noexcept;
  void wake_sysmon() noexcept;

  // Processors that change hands.
  void wait_for_room_to_block() noexcept;
  void let_next_one_block() noexcept;
  void make_room_to_block() noexcept;
  bool leave_behind(Processor& p) noexcept;
  bool hand_on(Processor& p) noexcept;
  bool add_machine(Processor& p) noexcept;
  void count_away(int change) noexcept;
  void join_machines() noexcept;

  // Fibers.
  static void wait_until_off_stack(const Fiber& fiber) noexcept;
  bool stock_up(Processor& p) noexcept;
  void put_back(Processor& p) noexcept;
  void give_stack(Processor& p, Fiber& fiber, std::size_t closure_bytes = 0, std::size_t closure_align = 1) noexcept;
  bool hand_stack_over(Fiber& ended, Fiber& next) noexcept;
  void forget(Processor& p, Fiber& ended) noexcept;

  void sysmon_main() noexcept;
  bool sleep_while_all_sleep() noexcept;
  [[nodiscard]] bool is_deadlocked();
  void end_if_deadlocked();
  [[nodiscard]] std::vector<int> machine_threads();
  /// What sysmon remembers of a processor from one look to the next.
  struct Seen {
    std::uint32_t turns = 0;
    RunQueue::Mark queue;
    Instant stuck_since;      // or the last look at which it was not
    bool is_hogged = false;
    Processor* watcher = nullptr;  // whose poller watches its poller
  };
  bool look_after(Processor& p, Seen& seen, Instant now) noexcept;
  void deal_with_hog(Processor& p, Duration kept_for) noexcept;
  void let_relief_watch(std::vector<Seen>& seen) noexcept;
  void call_reliefs(std::uint32_t hogs) noexcept;
  [[nodiscard]] bool is_anybody_awake() const noexcept;

  static std::atomic<Scheduler*> running_;  // set and reset by run(); publishes the scheduler

  // In the root's list, on behalf of all fibers that follow it.
  struct RootMembers final : Cancellable {
    explicit RootMembers(FiberPool& pool) noexcept;
    FiberPool& fibers;
  };

  const RuntimeOptions options_;
  Clock& clock_;
  // Kept beyond the end if fibers are abandoned: they may be subscribed to it.
  Context* root_;
  StackPool stacks_;
  FiberPool fibers_;
  RootMembers root_members_{fibers_};
  PollEntryPool poll_entries_;
  const std::size_t regular_count_;
  std::deque<Processor> processors_;  // the regular ones, then the reliefs

  GlobalQueue global_;

  // Both: written by machines that go to sleep, wake or spin; read by who has work to give; publish nothing.
  alignas(64) std::atomic<std::uint32_t> sleepers_{0};
  std::atomic<std::uint32_t> spinners_{0};
  // Calls of blocking() under way. While there are any, a test's clock does not jump. Counted for such a clock alone.
  std::atomic<int> away_{0};
  // Calls of blocking() that came back to find their processor gone. Written by those, read by scrapes; publishes nothing.
  std::atomic<std::uint64_t> late_returns_{0};

  // Standbys that were woken and found no fiber, or by a thread without a processor. The count is written under the lock,
  // read by all processors without; publishes nothing.
  WordLock starved_lock_;
  Standby* starved_ = nullptr;  // guarded by starved_lock_
  std::atomic<std::size_t> starved_count_{0};

  // Calls of blocking() whose processor has gone on without them. Written by those and by sysmon, read by who is about to make
  // another; publishes nothing.
  std::atomic<std::size_t> lasting_calls_{0};
  BiasedLock lasting_calls_lock_;
  WaitQueue waiting_to_block_;  // guarded by lasting_calls_lock_

  WordLock machines_lock_;
  std::deque<Machine> machines_;   // guarded by machines_lock_; a deque never moves them
  Machine* spares_ = nullptr;      // guarded by machines_lock_
  std::atomic<bool> stopping_{false};  // set once by stop(), read by all
  // Sysmon's futex. Written by sysmon, by processors that wake, and by stop(); publishes nothing.
  static constexpr std::uint32_t kSysmonTicks = 0;
  static constexpr std::uint32_t kSysmonSleeps = 1;
  static constexpr std::uint32_t kSysmonStops = 2;
  std::atomic<std::uint32_t> sysmon_word_{kSysmonTicks};
  std::atomic<bool> dump_wanted_{false};  // set by request_dump, taken by sysmon
  std::thread sysmon_;
  // Processors that are hogged. Written by sysmon, read by reliefs; publishes nothing.
  std::atomic<std::uint32_t> hogs_{0};
  Instant hog_reported_at_;           // sysmon only
  std::uint64_t hogs_unreported_ = 0;  // sysmon only

  // How many fibers must wait before somebody else is told of it, and before one may be taken from who makes progress: the
  // last one stays.
  static constexpr std::uint32_t kWakeDepth = 3;  // one fiber is as fast run here as elsewhere; three are not
  static constexpr std::uint32_t kStealDepth = 2;
};

// ---- implementation ----

// Inline, as everything that is left by a switch: see stack_switch.hpp.
[[gnu::always_inline]] inline void Scheduler::switch_to(Machine& machine, Fiber* next) noexcept {
  check_mutexes_before_leaving();
  if (next == machine.fiber) return;  // it was made ready before it had left
  // On another machine somebody leaves his stack at this moment, perhaps for ours: leave first, then wait for him.
  // acquire: pairs with the release in arrive(); its registers are saved.
  if (next != nullptr && next->is_on_stack.load(std::memory_order_acquire)) machine.pending = std::exchange(next, nullptr);
  if (next != nullptr) give_stack(*machine.processor, *next);
  switch_context(machine, next);
}

}  // namespace sluice::internal
