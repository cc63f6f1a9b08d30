// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include <sluice/base/clock.hpp>

namespace sluice::observe {

/// Ten thousand refusals a second deserve one line that says so, not ten thousand. Lets at most one record pass in an
/// interval, and tells how many it held back.
///
///   if (auto held_back = refusals_.pass(clock.now()))
///     log.error("request refused", {{"reason", "rate-limit"}, {"held_back", *held_back}});
///
/// One for each place that logs. Threads: any; a record that is held back costs one load and one addition.
class LogLimit {
 public:
  /// Requires: interval > 0.
  explicit LogLimit(Duration interval);

  /// Nothing: hold this one back. Otherwise it may pass, and so many were held back since the one before it. A record
  /// held back while another passes may be told by that one or by the next; none is told twice or forgotten.
  [[nodiscard]] std::optional<std::uint64_t> pass(Instant now) noexcept;

 private:
  Duration interval_;
  std::atomic<std::int64_t> next_ns_;        // when the next one may pass; written by whoever passes, publishes nothing
  std::atomic<std::uint64_t> held_back_{0};  // since the last one passed; counts, publishes nothing
};

}  // namespace sluice::observe
