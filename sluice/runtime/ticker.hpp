// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/task_group.hpp>

namespace sluice {

/// What is to be done every so often. Its channel gets the time one period after the start, two periods after it and so on:
/// these instants do not drift, however late a tick is sent or taken.
///
///   Ticker ticker{ctx, 30s};
///   for (Instant now : ticker.ticks()) refresh(now);      // or a case of a select: recv(ticker.ticks())
///
/// The channel holds one tick; those that meet it full are dropped, so a slow receiver finds one waiting and the next at
/// its proper time. It is never closed: with the ticker's context, or after stop(), ticks just cease to come.
/// Threads: fibers only, any number. Lifetime: outlives its receivers; the end parks until its own fiber has ended.
///
/// Source: Go's time.Ticker, as it is since 1.23.
class Ticker {
 public:
  /// Requires: period > 0.
  Ticker(Context& parent, Duration period);
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

  [[nodiscard]] Chan<Instant>& ticks() noexcept { return ticks_; }

  /// No tick can be received from here on, until reset().
  void stop();
  /// Starts anew, with the first tick one period from now; an earlier one cannot be received any more. Requires: period > 0.
  void reset(Duration period);

  /// Ok while ticks may come; else why none will: the cause of the parent, or kResourceExhausted if there was no stack for
  /// the ticker's fiber.
  [[nodiscard]] Result<void> check() { return group_.context().check(); }

 private:
  void serve(Context& ctx);
  Deadline next();
  void tick_if_due();
  void set(Instant due);

  Clock& clock_;
  Mutex mutex_;
  Duration period_;          // guarded by mutex_
  Instant due_;              // guarded by mutex_; of the next tick, Instant::max() while stopped
  Chan<Instant> ticks_{1};   // sent to under mutex_ alone
  Chan<bool> changed_{1};    // wakes our fiber when due_ was changed
  TaskGroup group_;
};

}  // namespace sluice
