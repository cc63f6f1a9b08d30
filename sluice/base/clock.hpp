// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace sluice {

using Duration = std::chrono::nanoseconds;
/// An instant that never jumps; for waiting and measuring.
using Instant = std::chrono::steady_clock::time_point;
/// Microseconds since 1970-01-01 UTC; for people and files. May jump.
using WallTime = std::chrono::sys_time<std::chrono::microseconds>;

/// Where time comes from. Code that needs it takes a `Clock&`, so that tests decide how late it is.
/// Threads: any.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const noexcept = 0;
  [[nodiscard]] virtual WallTime wall_now() const noexcept = 0;
};

/// The machine's clocks (CLOCK_MONOTONIC and CLOCK_REALTIME). Lives for ever.
[[nodiscard]] Clock& system_clock() noexcept;

/// A clock that moves only when told to: tests wait for an hour in no time.
/// Threads: any; an advance is visible to every later now().
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start = WallTime(std::chrono::seconds(1'700'000'000)));
  [[nodiscard]] Instant now() const noexcept override;
  [[nodiscard]] WallTime wall_now() const noexcept override;
  /// Moves both clocks forward. Requires: by >= 0.
  void advance(Duration by) noexcept;
  /// Moves the wall clock alone, either way: what an NTP correction does.
  void step_wall(Duration by) noexcept;

 private:
  std::atomic<std::int64_t> now_ns_;   // written by advance, read by now; publishes nothing else
  std::atomic<std::int64_t> wall_ns_;  // written by advance and step_wall, read by wall_now; publishes nothing else
};

/// "Until when", as a value: an instant or never. Compares by time; never is last.
class Deadline {
 public:
  /// Never.
  constexpr Deadline() noexcept = default;
  constexpr explicit Deadline(Instant when) noexcept : when_(when) {}
  /// `length` from now; a sum beyond the representable is never.
  [[nodiscard]] static Deadline after(const Clock& clock, Duration length) noexcept;

  [[nodiscard]] constexpr bool is_never() const noexcept { return when_ == Instant::max(); }
  [[nodiscard]] constexpr Instant when() const noexcept { return when_; }
  /// What is left, at least zero; nothing if never.
  [[nodiscard]] std::optional<Duration> left(const Clock& clock) const noexcept;
  friend constexpr auto operator<=>(Deadline, Deadline) noexcept = default;

 private:
  Instant when_ = Instant::max();
};

}  // namespace sluice
