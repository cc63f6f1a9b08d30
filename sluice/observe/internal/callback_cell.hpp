// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>

#include <sluice/base/assert.hpp>
#include <sluice/base/spin_lock.hpp>
#include <sluice/observe/metric.hpp>

namespace sluice::observe::internal {

/// Stands where a counter, gauge or histogram would, and asks a function for the value. The function comes and goes with its
/// Callback; the cell stays, and an empty one is no sample.
/// Threads: any. The lock is held while the function runs, so that it cannot be removed under the scraper's feet.
class CallbackCell {
 public:
  using Value = std::variant<double, Histogram::Reading>;

  explicit CallbackCell(const MetricLayout&) {}

  /// Requires: empty.
  void install(std::function<Value()> read) {
    std::lock_guard hold(lock_);
    SLUICE_ASSERT(!read_, "one living callback a name and set of labels");
    read_ = std::move(read);
  }
  void remove() noexcept {
    std::function<Value()> removed;  // ends outside the lock: its captures may be anything
    std::lock_guard hold(lock_);
    removed.swap(read_);
  }
  [[nodiscard]] std::optional<Value> value() const {
    std::lock_guard hold(lock_);
    return read_ ? std::optional(read_()) : std::nullopt;
  }

 private:
  mutable SpinLock lock_;
  std::function<Value()> read_;  // guarded by lock_
};

}  // namespace sluice::observe::internal
