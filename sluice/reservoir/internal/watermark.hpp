// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <memory>

#include <sluice/base/result.hpp>
#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice::reservoir::internal {

/// A position that only rises, and fibers that wait for it to.
/// Threads: fibers; one at a time advances. What it did before advance() is visible to whoever sees the new value.
class Watermark {
 public:
  explicit Watermark(Position value = 0) noexcept : value_(value) {}

  [[nodiscard]] Position value() const noexcept;
  /// Requires: not lower than value().
  void advance(Position to);
  /// Parks until value() > position; the cause of ctx if that ends first.
  Result<void> wait_beyond(Context& ctx, Position position);

 private:
  std::atomic<Position> value_;  // written by advance, under mutex_; publishes what was done before
  Mutex mutex_{LockRank::kReservoir};
  std::shared_ptr<WaitGroup> next_;  // guarded by mutex_; of whoever waits for the next advance; null: nobody does
};

}  // namespace sluice::reservoir::internal
