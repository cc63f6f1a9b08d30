// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <source_location>

#include <sluice/runtime/context.hpp>
#include <sluice/runtime/internal/park_reason.hpp>

namespace sluice::internal {

struct Fiber;

/// The exceptions that a fiber is handling: the Itanium C++ ABI keeps them per thread (`__cxa_eh_globals`), so they are
/// exchanged at every switch, or a fiber that parks inside a catch block would leave them to its successor.
struct ExceptionState {
  void* caught = nullptr;
  unsigned int uncaught = 0;
};

/// Who won a fiber's wait.
enum class Claim {
  kLost,    ///< somebody else did, or it is not waiting: leave it alone
  kEarly,   ///< we did, while it is still on its way to sleep: it will notice by itself
  kParked,  ///< we did, and must make it runnable
};

/// The control block of a fiber; lives at the top of its stack, in the same page as its first frames.
///
/// `wait_word` is the heart: every wait ends exactly once, whoever comes first. Its states:
///
///   kRunning ──prepare──▶ kPreparing ──switched out──▶ kWaiting ──claim(token)──▶ token ──resumed──▶ kRunning
///                              └────────────claim(token)────────────────────────────▲
///
/// With kFollowsOwn in it, the end of the context that the fiber was started with claims as well.
/// A token is an address (what ended the wait) or kContextEndedToken.
struct Fiber {
  static constexpr std::uintptr_t kRunning = 0;
  static constexpr std::uintptr_t kPreparing = 1;
  static constexpr std::uintptr_t kWaiting = 2;
  static constexpr std::uintptr_t kFollowsOwn = 4;
  static constexpr std::uintptr_t kContextEndedToken = 8;

  /// Ends this fiber's wait with `token` unless it has ended. `only_if_own`: only a wait that follows the own context.
  Claim claim(std::uintptr_t token, bool only_if_own = false) noexcept {
    // relaxed: the compare-exchange below decides.
    std::uintptr_t seen = wait_word.load(std::memory_order_relaxed);
    for (;;) {
      if ((seen & (kPreparing | kWaiting)) == 0) return Claim::kLost;
      if (only_if_own && (seen & kFollowsOwn) == 0) return Claim::kLost;
      // seq_cst: publishes what the claimer did to the fiber (it reads the word when it goes on), and is the second half
      // of the store-load pattern with prepare_wait: cancel() sets the flag, then looks here.
      if (wait_word.compare_exchange_weak(seen, token, std::memory_order_seq_cst, std::memory_order_relaxed))
        return (seen & kWaiting) != 0 ? Claim::kParked : Claim::kEarly;
    }
  }

  void* context = nullptr;  // saved registers while not running
  Fiber* next = nullptr;    // in the global queue, or a chain on its way there
  // Written by this fiber and by whoever claims its wait; publishes the claimer's work.
  std::atomic<std::uintptr_t> wait_word{kRunning};
  void (*entry)(void* closure) noexcept = nullptr;
  void* closure = nullptr;

  struct Membership final : Cancellable {
    Fiber* fiber = nullptr;
    bool is_subscribed = false;  // this fiber only; the list's own links change with its neighbours, under a lock
  };
  Context* own_context = nullptr;  // the one it was started with
  Membership membership;           // in own_context from the first wait that follows it
  ExceptionState exceptions;

  // What a dump shows. Written by this fiber, read at any time by others; publishes nothing.
  std::atomic<ParkReason> reason{ParkReason::kNone};
  std::source_location started_at;

  std::uint64_t* canary = nullptr;  // below a stack without guard, see overflow.hpp; null: it has one
  std::byte* stack_low = nullptr;  // lowest usable byte
  std::size_t stack_bytes = 0;     // usable
  void* sanitizer_stack = nullptr;  // ASan's fake stack while not running
  void* sanitizer_fiber = nullptr;  // TSan's idea of this fiber
};

}  // namespace sluice::internal
