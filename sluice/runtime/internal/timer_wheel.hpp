// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <sluice/base/clock.hpp>
#include <sluice/runtime/internal/biased_lock.hpp>
#include <sluice/runtime/internal/intrusive_list.hpp>

namespace sluice::internal {

class TimerWheel;

/// Calls a function at an instant. Lives where its user lives, who starts it once and stops it before it dies, whether or
/// not it has fired: only stop() knows that the function is not running any more.
struct Timer : ListNode<Timer> {
  /// Runs on a scheduler's thread with the wheel's lock held: it may claim fibers, cancel contexts and make fibers
  /// runnable; it must not park and must not start or stop timers.
  void (*fire)(Timer* self) noexcept = nullptr;

  Instant when;
  TimerWheel* wheel = nullptr;   // written by its user alone: from add() until stop(), also after it has fired
  const void* ahead = nullptr;   // written by add(): one that comes down soon after this one, if it is still there
  std::uint16_t slot = 0;        // guarded by the wheel's lock; where it is while it is linked
};

/// The timers of one processor. Starting and stopping one costs the same whatever else runs, and touches only it and its
/// neighbours in a list; nothing is ever allocated. timer_wheel.cpp begins with how.
///
/// Order: timers fire in the order of their instants, exact to the nanosecond; those of one instant in the order of add().
/// One whose instant had passed when it was added fires before all that lie ahead.
/// Threads: any; adding is meant for the processor's own thread, firing for whoever finds it due.
/// Lifetime: outlives its timers, but for those of fibers that are abandoned when the runtime ends.
class TimerWheel {
 public:
  TimerWheel() = default;
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  /// Its processor, which adds nearly all timers, locks it without a locked instruction from now on. Requires: called once.
  void belong_to(Processor& owner) noexcept { owner_ = &owner; }

  /// Requires: not started.
  void add(Timer& timer, Instant when) noexcept;
  /// Calls what is due at `now`; how many those were. Lets others at the timers every kBatch of them.
  std::size_t fire_due(Instant now) noexcept;
  /// No timer fires before this; Instant::max() if there is none. It is the soonest one's instant, unless a sooner one was
  /// stopped while others of the same slot stayed: then who goes by it finds nothing due, and a later instant here
  /// afterwards. That happens at most once for each level that a timer comes down. Stale when you read it.
  [[nodiscard]] Instant next_approx() const noexcept {
    // relaxed: whoever acts on it looks again under the lock.
    return Instant(Duration(next_ns_.load(std::memory_order_relaxed)));
  }

  /// Afterwards the timer's function is neither running nor will be called. Fine if it has fired or was never started.
  static void stop(Timer& timer) noexcept;

 private:
  static constexpr std::size_t kDigitBits = 8;
  // The last digit is shorter, so that a slot of level 3 is a millisecond: of 100,000 sleepers its share, some thousand,
  // still fits into the second cache, and a sleep of up to a quarter of a second has not passed through a slot before.
  static constexpr std::size_t kLastDigitBits = 4;
  static constexpr std::size_t kSlots = std::size_t{1} << kDigitBits;
  static constexpr std::size_t kLevels = 9;  // every instant from zero on has its place
  static constexpr std::uint16_t kNone = kLevels * kSlots;
  static constexpr std::size_t kWords = kLevels * kSlots / 64;
  // Steps between two looks whether somebody else wants the lock: some microseconds of work.
  static constexpr int kBatch = 64;

  struct alignas(64) Slot {
    static constexpr std::size_t kAhead = 4;  // what a processor can have under way at once, and a slot in a cache line

    IntrusiveList<Timer> timers;  // in the order of add()
    std::int64_t soonest_ns = 0;  // no timer in it is earlier; the soonest that was added since it was last empty
    // The last that were added, each replaced in its turn. Some may be gone: addresses to prefetch, never to follow.
    std::array<const void*, kAhead> recent{};
    std::size_t turn = 0;
  };

  Slot& place(Timer& timer) noexcept;
  void leave(std::uint16_t slot) noexcept;
  std::size_t fire_batch(Instant now) noexcept;
  [[nodiscard]] bool is_alone_and_due(std::uint16_t first, Instant now) const noexcept;
  [[nodiscard]] std::uint16_t first_slot() const noexcept;
  void publish_next(std::int64_t next_ns) noexcept;

  Processor* owner_ = nullptr;
  BiasedLock lock_;
  std::uint16_t opened_ = kNone;  // guarded by lock_: the slot whose timers are coming down
  std::int64_t reached_ns_ = 0;   // guarded by lock_: the last instant at which a timer fired or a slot was opened
  std::atomic<std::int64_t> next_ns_{Instant::max().time_since_epoch().count()};  // written under lock_, read by all
  std::uint64_t words_in_use_ = 0;                  // guarded by lock_: bit n: occupied_[n] is not zero
  std::array<std::uint64_t, kWords> occupied_{};    // guarded by lock_: bit n of word m: slots_[64 m + n] has timers
  std::array<Slot, kLevels * kSlots> slots_;        // guarded by lock_: level by level, soonest first
  static_assert(kWords <= 64);
};

}  // namespace sluice::internal
