// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>
#include <cstddef>

namespace sluice::internal {

struct Fiber;
class StackPool;

/// From now on a write into a stack's guard says which fiber outgrew its stack, before the process dies of it.
/// Sanitizers have handlers of their own, which are left in place.
void install_overflow_handler(const StackPool& stacks) noexcept;
/// Puts back what was there.
void remove_overflow_handler() noexcept;

/// For a stack without guard: leaves a word below it that an overflow would change.
void plant_canary(Fiber& fiber) noexcept;
/// Ends the process, in the same words as the handler, if it was changed. Requires: a canary; the fiber is not running.
void look_at_canary(const Fiber& fiber) noexcept;

/// The calling thread's stack for signal handlers, for as long as this lives.
class SignalStack {
 public:
  SignalStack() noexcept;
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;
  ~SignalStack();

 private:
  static constexpr std::size_t kBytes = std::size_t{64} * 1024;  // AVX-512 state alone needs 3 KiB
  void* memory_;
  [[maybe_unused]] stack_t previous_{};
};

}  // namespace sluice::internal
