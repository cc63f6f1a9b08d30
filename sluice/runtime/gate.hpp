// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/internal/wait_queue.hpp>
#include <sluice/runtime/internal/biased_lock.hpp>

namespace sluice {

/// Stopping a service needs two answers: may this request still start, and have all started ones left? `Gate` gives both.
///
///   auto pass = gate.enter();
///   if (!pass) return fail(Code::kUnavailable, "shutting down");
///   ...                                  // the pass leaves in its destructor
///
/// Threads: fibers only. What X did before it left is visible to Y after its close(). Lifetime: outlives its passes
/// (asserted); it may end when close() has returned ok. Source: the idea of Seastar's gate.
class Gate {
 public:
  class Pass;

  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate();

  /// Nothing once close() has begun. Never parks.
  [[nodiscard]] std::optional<Pass> enter() noexcept;

  /// Lets nobody in any more, and parks until all are out. The cause of ctx if that ends first: some are still inside, the
  /// gate stays shut. May be called again, and by several.
  Result<void> close(Context& ctx);

  [[nodiscard]] bool is_closed() const noexcept {
    return (word_.load(std::memory_order_relaxed) & kClosed) != 0;  // relaxed: enter() decides
  }
  /// How many are inside at this moment; stale when you read it.
  [[nodiscard]] std::size_t inside_approx() const noexcept {
    return word_.load(std::memory_order_relaxed) / kOne;  // relaxed: a number for people
  }

 private:
  static constexpr std::uint64_t kClosed = 1;
  static constexpr std::uint64_t kOne = 2;  // of those inside; their number is in the bits above kClosed

  void leave() noexcept;

  // Written by who enters, leaves and closes; publishes what was done inside. Once kClosed is in it, under lock_ only.
  std::atomic<std::uint64_t> word_{0};
  internal::BiasedLock lock_;
  internal::WaitQueue closers_;  // guarded by lock_
};

/// Somebody's being inside a Gate.
class [[nodiscard]] Gate::Pass {
 public:
  Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
  Pass& operator=(Pass&& other) noexcept {
    std::swap(gate_, other.gate_);
    return *this;
  }
  ~Pass() {
    if (gate_ != nullptr) gate_->leave();
  }

 private:
  friend class Gate;
  explicit Pass(Gate& gate) noexcept : gate_(&gate) {}

  Gate* gate_;  // null after a move
};

// ---- implementation ----

inline std::optional<Gate::Pass> Gate::enter() noexcept {
  std::uint64_t seen = word_.load(std::memory_order_relaxed);  // relaxed: the exchange decides
  while ((seen & kClosed) == 0)
    // relaxed: who enters learns nothing from those before; what it does is published when it leaves.
    if (word_.compare_exchange_weak(seen, seen + kOne, std::memory_order_relaxed)) return Pass(*this);
  return std::nullopt;
}

}  // namespace sluice
