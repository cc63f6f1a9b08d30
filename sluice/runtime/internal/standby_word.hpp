// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::internal {

/// Decides every race about a Standby: whether it waits, whom it belongs to, and who starts its fiber.
///
///   awake ──begin()──▶ arming ──commit()──▶ armed ──claim──▶ awake, of who claimed it: starts a fiber
///     │ call              │ claim
///     ▼                   ▼
///   called             woken early
///     └ begin(): false    └ commit(): false       both are awake again, of who began: no fiber
///
/// Why nothing is missed, and nothing started twice:
///   · what comes between the last look and begin(): the source has noted it, and who begins asks, under the source's lock,
///     before the source is told whom to wake; then it claims itself
///   · between begin() and commit(): woken early, for the source knows whom to wake; commit() cannot arm it any more
///   · after commit(): whoever changes armed to awake starts the fiber; others find it awake and go, if they were sources;
///     a call stays, as called, for it may be about something else
///
/// A template, so that a test can try every interleaving: standby_test.cpp.
template <template <class> class Atomic = std::atomic>
class BasicStandbyWord {
 public:
  enum class Claim : std::uint8_t {
    kTooLate,  ///< it did not wait, and may be gone
    kNoted,    ///< who has it will find out
    kWon,      ///< it is ours: start its fiber
  };

  /// By who has it. False: it was called since.
  [[nodiscard]] bool begin() noexcept {
    State awake = State::kAwake;
    // relaxed, both: who asks others to claim it publishes what it is, under his lock, and commit() does.
    if (state_.compare_exchange_strong(awake, State::kArming, std::memory_order_relaxed, std::memory_order_relaxed)) return true;
    // acquire: pairs with the release in claim(); we see what was done before the call.
    state_.exchange(State::kAwake, std::memory_order_acquire);
    return false;
  }
  /// True: it belongs to who claims it, from now on. False: it was claimed since begin(); settle() comes next.
  [[nodiscard]] bool commit() noexcept {
    State arming = State::kArming;
    // release: pairs with the acquire in claim(); the fiber to come sees what we did.
    return state_.compare_exchange_strong(arming, State::kArmed, std::memory_order_release, std::memory_order_relaxed);
  }
  /// It was woken early and is awake now.
  void settle() noexcept {
    state_.exchange(State::kAwake, std::memory_order_acquire);  // acquire: as in begin()
  }
  /// A hint, between begin() and commit().
  [[nodiscard]] bool is_woken_early() const noexcept {
    return state_.load(std::memory_order_relaxed) == State::kWokenEarly;  // relaxed: commit() decides
  }
  /// By a source of what it waits for, or a call, which is never too late.
  [[nodiscard]] Claim claim(bool is_call) noexcept {
    // relaxed: the exchange decides.
    for (State seen = state_.load(std::memory_order_relaxed);;) {
      bool is_awake = seen == State::kAwake || seen == State::kCalled;
      if (is_awake && !is_call) return Claim::kTooLate;
      State next = is_awake ? State::kCalled : seen == State::kArmed ? State::kAwake : State::kWokenEarly;
      // acquire: pairs with the release in commit(). release: pairs with the acquires in begin() and settle(), for which it is
      // exchanged even for itself.
      if (!state_.compare_exchange_weak(seen, next, std::memory_order_acq_rel, std::memory_order_relaxed)) continue;
      return seen == State::kArmed ? Claim::kWon : Claim::kNoted;
    }
  }
  /// Of who has it.
  [[nodiscard]] bool is_awake() const noexcept {
    State seen = state_.load(std::memory_order_relaxed);  // relaxed: nobody else makes it so
    return seen == State::kAwake || seen == State::kCalled;
  }

 private:
  enum class State : std::uint8_t { kAwake, kCalled, kArming, kWokenEarly, kArmed };

  // Written by who begins, and by all who claim; publishes what they did before.
  Atomic<State> state_{State::kAwake};
};

using StandbyWord = BasicStandbyWord<>;

}  // namespace sluice::internal
