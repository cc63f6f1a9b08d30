// SPDX-License-Identifier: MIT
#include <sluice/governance/queue_delay.hpp>

#include <sluice/base/assert.hpp>

namespace sluice::governance {

QueueDelay::QueueDelay(Options options) noexcept : options_(options) {
  SLUICE_ASSERT(options.target > Duration(0) && options.interval > Duration(0), "a wait that is short, a time that passes");
}

bool QueueDelay::admit(Instant now, Duration waited) noexcept {
  std::int64_t now_ns = now.time_since_epoch().count();
  // relaxed, here and below: see ends_ns_.
  std::int64_t ends_ns = ends_ns_.load(std::memory_order_relaxed);
  bool is_over = now_ns >= ends_ns;
  // relaxed: only one of those who see its end gets through.
  if (is_over && ends_ns_.compare_exchange_strong(ends_ns, now_ns + options_.interval.count(), std::memory_order_relaxed)) {
    std::int64_t shortest_ns = shortest_ns_.exchange(waited.count(), std::memory_order_relaxed);  // relaxed: as above
    // After a pause the interval says nothing about now.
    bool is_fresh = now_ns - ends_ns < options_.interval.count();
    bool has_refused = has_refused_.exchange(false, std::memory_order_relaxed);  // relaxed: as above
    bool is_overloaded = is_fresh && (shortest_ns > options_.target.count() || has_refused);
    is_overloaded_.store(is_overloaded, std::memory_order_relaxed);  // relaxed: as above
  } else {
    note(waited);
  }
  if (!is_overloaded() || waited <= 2 * options_.target) return true;
  has_refused_.store(true, std::memory_order_relaxed);  // relaxed: as above
  return false;
}

void QueueDelay::note(Duration waited) noexcept {
  std::int64_t shortest_ns = shortest_ns_.load(std::memory_order_relaxed);  // relaxed: see ends_ns_
  // relaxed: it fails if somebody was faster, and tells what he has seen.
  while (waited.count() < shortest_ns &&
         !shortest_ns_.compare_exchange_weak(shortest_ns, waited.count(), std::memory_order_relaxed)) {}
}

}  // namespace sluice::governance
