// SPDX-License-Identifier: MIT
#include <sluice/observe/log_limit.hpp>

#include <limits>

#include <sluice/base/assert.hpp>

namespace sluice::observe {

LogLimit::LogLimit(Duration interval) : interval_(interval), next_ns_(std::numeric_limits<std::int64_t>::min()) {
  SLUICE_ASSERT(interval > Duration::zero(), "an interval has a length");
}

std::optional<std::uint64_t> LogLimit::pass(Instant now) noexcept {
  std::int64_t now_ns = Duration(now.time_since_epoch()).count();
  // relaxed, throughout: next_ns_ alone decides, and the two numbers need not be of one instant.
  std::int64_t next = next_ns_.load(std::memory_order_relaxed);
  // A lost exchange means that somebody else has just passed.
  bool passes = now_ns >= next && next_ns_.compare_exchange_strong(next, now_ns + interval_.count(),
                                                                   std::memory_order_relaxed);  // relaxed: see above
  if (passes) return held_back_.exchange(0, std::memory_order_relaxed);  // relaxed: see above
  held_back_.fetch_add(1, std::memory_order_relaxed);                    // relaxed: see above
  return std::nullopt;
}

}  // namespace sluice::observe
