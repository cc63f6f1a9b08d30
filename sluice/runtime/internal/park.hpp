// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <sluice/runtime/context.hpp>
#include <sluice/runtime/internal/fiber.hpp>
#include <sluice/runtime/internal/park_reason.hpp>

namespace sluice::internal {

/// The fiber that calls. Requires: in a fiber.
[[nodiscard]] Fiber& this_fiber() noexcept;
/// The context that the calling fiber was started with.
[[nodiscard]] Context& own_context() noexcept;

/// One wait of the calling fiber, from before it is published to after it has ended. Construct it, publish who may end it
/// (under that one's lock), then park once. A wait may be claimed from the moment it is published.
class Wait {
 public:
  /// Also ends when `ctx` does; null: only by a claim.
  explicit Wait(Context* ctx) noexcept;
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait();

  /// False: ctx had ended before we could wait; do not park, withdraw what was published.
  [[nodiscard]] bool may_park() const noexcept { return may_park_; }
  /// Switches away; `commit` is called when the fiber is off its stack and releases what guards the wait. Returns the
  /// token of who ended it: an address, or Fiber::kContextEndedToken. Requires: may_park().
  std::uintptr_t park(ParkReason reason, void (*commit)(void*) noexcept, void* argument) noexcept;

 private:
  struct Subscription final : Cancellable {
    Fiber* fiber = nullptr;
  };

  Fiber& fiber_;
  Context* const ctx_;
  Subscription subscription_;  // in ctx_ if is_subscribed_; the fiber's own context has its membership instead
  bool is_subscribed_ = false;
  bool may_park_ = true;
};

/// Puts a fiber, whose wait the caller has won or which is new, where it will run soon.
void make_ready(Fiber& fiber) noexcept;

}  // namespace sluice::internal
