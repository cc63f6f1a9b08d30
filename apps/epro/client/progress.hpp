// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include <sluice/base/clock.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/task_group.hpp>

namespace epro {

/// Shows a person at a terminal how far something has come: a bar on standard error, drawn some times a second, gone at
/// the end.
///
///   Progress progress(ctx, "burst", 50'000, clock, Progress::terminal_is_there());
///   progress.advance();
///
/// Threads: advance() from any. Lifetime: parks at its end until the fiber that draws has ended.
class Progress {
 public:
  /// Somebody is looking at standard error.
  [[nodiscard]] static bool terminal_is_there();

  /// Draws nothing unless `is_shown`. Requires: in a fiber.
  Progress(sluice::Context& parent, std::string label, std::uint64_t total, sluice::Clock& clock, bool is_shown);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  // relaxed: a number for people; publishes nothing.
  void advance(std::uint64_t by = 1) noexcept { done_.fetch_add(by, std::memory_order_relaxed); }

 private:
  void draw(sluice::Context& ctx);

  const std::string label_;
  const std::uint64_t total_;
  sluice::Clock& clock_;
  const bool is_shown_;
  std::atomic<std::uint64_t> done_{0};  // written by advance, read by draw; publishes nothing
  sluice::TaskGroup group_;
};

/// "burst  [#####-----]  50%  25000/50000  4990/s". Pure. Requires: total > 0.
[[nodiscard]] std::string progress_line(const std::string& label, std::uint64_t done, std::uint64_t total,
                                        sluice::Duration elapsed);

}  // namespace epro
