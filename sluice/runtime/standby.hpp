// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <source_location>

#include <sluice/base/clock.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/internal/standby_word.hpp>
#include <sluice/runtime/internal/timer_wheel.hpp>

namespace sluice {

namespace internal {
struct Fiber;
class Poller;
class Scheduler;
}  // namespace internal

/// Ten thousand connections that idle should not hold ten thousand fibers. A Standby waits without one: it is left with
/// what it waits for, and gets a fiber when that has come.
///
///   class Visitor final : public Standby {
///     void on_wake(Cause cause, Instant) noexcept override {  // on a new fiber
///       do {
///         ...serve what has come, or `delete this; return;`...
///       } while (!stream_->stand_by(*this, deadline));         // true: not ours any more
///     }
///   };
///
/// What comes between the last look and begin(), or at any moment after that, wakes it once (internal/standby_word.hpp says
/// why). Who is late with a wake() does nothing; a call() is never lost.
/// No fiber to be had (no memory, no address space): it gets one as soon as there is, for nothing else would end its wait.
/// Threads: begin() and commit() by the one fiber that has it; wake() and call() by any thread. What the fiber did before
/// commit() is visible to the one that on_wake() runs on, and so is what was done before the wake().
/// Lifetime: ends while it is awake, by who has it; after what it was left with, which may still come to wake it, in vain.
class Standby : private internal::Timer {
 public:
  enum class Cause : std::uint8_t {
    kReadable,  ///< what it waited for has come
    kDeadline,
    kCall,  ///< somebody called it
  };

  Standby(const Standby&) = delete;
  Standby& operator=(const Standby&) = delete;

  /// Wakes it if it is armed; else its next begin() or commit() says false.
  void call() noexcept;

  // For what it can be left with (net::Stream):

  /// Who is asked to wake it may be told from now on, under a lock of his own. False: it was called, do not begin.
  [[nodiscard]] bool begin() noexcept;
  /// True: it waits, and belongs to who wakes it: the caller must not touch it any more, nor what goes with it. False: it
  /// has been woken since begin(). Requires: begin() said true; in a fiber.
  [[nodiscard]] bool commit(Deadline until) noexcept;
  /// What it waits for has come. True: that was news to it. Requires: it cannot die meanwhile, so the caller holds a lock
  /// under which it is withdrawn before it dies.
  bool wake() noexcept { return wake(Cause::kReadable); }

 protected:
  /// Called once when `stop` ends, which outlives it. `where` is what a dump says of its fibers.
  explicit Standby(Context& stop, std::source_location where = std::source_location::current());
  virtual ~Standby();

 private:
  friend class internal::Poller;
  friend class internal::Scheduler;
  struct Stop final : internal::Cancellable {
    Standby* standby = nullptr;
  };
  struct Waking;
  struct Claim {
    bool is_news = false;              // false: it did not wait
    internal::Fiber* fiber = nullptr;  // to be made ready; null: there is none yet, or who began is still there
  };

  /// Its fiber, which has no other owner. May end its life. `woken`: when it was woken, a moment before at most; since then it
  /// has waited for its turn.
  virtual void on_wake(Cause cause, Instant woken) noexcept = 0;

  bool wake(Cause cause) noexcept;
  Claim claim(Cause cause) noexcept;
  internal::Fiber* make_fiber(Cause cause) noexcept;

  internal::StandbyWord word_;
  bool follows_stop_ = false;  // constant
  Cause cause_ = Cause::kCall;  // while it is in the list of those that wait for a fiber
  Standby* next_starved_ = nullptr;  // as above
  Stop stop_node_;  // in stop_'s list if follows_stop_
  Context& stop_;
  const std::source_location where_;
};

}  // namespace sluice
