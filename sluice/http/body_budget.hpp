// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>

#include <sluice/base/assert.hpp>

namespace sluice::http {

/// Bounds the memory that the requests' bodies of all connections take together, so that many clients, each within the
/// limit of one body, cannot use up the machine. Counted is what has come, never what was announced.
/// Threads: any; never waits. Lifetime: outlives its shares.
class BodyBudget {
 public:
  explicit BodyBudget(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}
  BodyBudget(const BodyBudget&) = delete;
  BodyBudget& operator=(const BodyBudget&) = delete;

  /// False: there is not so much left, and nothing was taken.
  [[nodiscard]] bool take(std::size_t bytes) noexcept {
    // relaxed, here and below: a count to compare with a limit. It publishes no memory, the bodies belong to their
    // connections alone. A CAS and not fetch_add with a correction: that would refuse others while it is over.
    std::size_t used = used_.load(std::memory_order_relaxed);
    do {
      if (bytes > bytes_max_ - used) return false;  // used_ never passes bytes_max_
      // relaxed: as above.
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
  }
  void give_back(std::size_t bytes) noexcept {
    std::size_t used = used_.fetch_sub(bytes, std::memory_order_relaxed);  // relaxed: as in take()
    SLUICE_ASSERT(used >= bytes, "only what was taken is given back");
  }
  [[nodiscard]] std::size_t used() const noexcept {
    return used_.load(std::memory_order_relaxed);  // relaxed: as in take()
  }

 private:
  const std::size_t bytes_max_;
  std::atomic<std::size_t> used_{0};
};

/// What one request holds of a budget; given back at its end.
/// The first kUncountedBytes of each request are free: small reports get in while somebody holds the budget with large
/// uploads, and most requests never touch the counter that all processors share. What that may cost is bounded by the
/// number of connections, and is less for each than its input buffer.
/// Threads: one fiber. Lifetime: the budget outlives it.
class BodyShare {
 public:
  static constexpr std::size_t kUncountedBytes = 4096;

  /// Null: there is no limit.
  explicit BodyShare(BodyBudget* budget, std::size_t uncounted_bytes = kUncountedBytes) noexcept
      : budget_(budget), uncounted_bytes_(uncounted_bytes) {}
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;
  ~BodyShare() { release(); }

  /// The request's body takes so much by now; less than before changes nothing. False: the budget does not allow it.
  [[nodiscard]] bool grow_to(std::size_t bytes) noexcept {
    if (budget_ == nullptr || bytes <= uncounted_bytes_ + held_) return true;
    std::size_t more = bytes - uncounted_bytes_ - held_;
    if (!budget_->take(more)) return false;
    held_ += more;
    return true;
  }
  [[nodiscard]] BodyBudget* budget() const noexcept { return budget_; }
  void release() noexcept {
    if (held_ == 0) return;
    budget_->give_back(held_);
    held_ = 0;
  }

 private:
  BodyBudget* const budget_;
  const std::size_t uncounted_bytes_;
  std::size_t held_ = 0;
};

}  // namespace sluice::http
