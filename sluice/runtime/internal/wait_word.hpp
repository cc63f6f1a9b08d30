// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

#include <sluice/runtime/internal/asymmetric_fence.hpp>

namespace sluice::internal {

/// The heart of a fiber: each of its waits ends exactly once, whoever comes first.
///
///   kRunning ──begin──▶ kWaiting ──claim(token)──▶ token ──end──▶ kRunning
///
/// With kFollowsOwn in it, the end of the context that the fiber was started with claims as well; with kFollowsRoot, which is for
/// fibers that were started with the program's, that one's. The bit is read and exchanged with the rest of the word, so who
/// ends the root can go through all blocks, whoever lives in them by now.
/// A token is an address (what ended the wait) or kContextEnded.
///
///   fiber      1. word = kWaiting · light fence            context    1. has_ended = true
///              2. has the context ended? then give_up()               2. claim; done if it was seen to wait
///                                                                     3. heavy fence
///                                                                     4. claim
/// Forbidden: the fiber sees its context alive, and who ends it does not see that it waits.
/// Who claims makes the fiber ready, also if it was on its way to give up; then it parks all the same, to use that up.
/// Threads: claim, is_waiting: any; everything else: the fiber. The fences and the atomic are parameters as in BasicBiasedLock.
template <class Fence = AsymmetricFence, template <class> class Atomic = std::atomic>
class BasicWaitWord {
 public:
  using Token = std::uintptr_t;
  static constexpr Token kContextEnded = 8;
  static constexpr Token kWaiting = 2;  ///< a bit, set while it waits; dumps and gdb look at it from outside
  static constexpr Token kFollowsOwn = 4, kFollowsRoot = 1;

  /// A wait that only a claim ends. Requires: who may claim it cannot before the caller publishes it, or lets go of a lock.
  void begin() noexcept { word_.store(kWaiting, std::memory_order_relaxed); }  // relaxed: published by that
  /// A wait that a context's end ends, too. False: has_ended(), so give_up(). `follows`: kFollowsOwn, kFollowsRoot, or 0
  /// if it is another one.
  template <class HasEnded>
  [[nodiscard]] bool begin(Token follows, HasEnded has_ended) noexcept {
    // relaxed: as above, and to the context by the fence.
    word_.store(kWaiting | follows, std::memory_order_relaxed);
    Fence::light();
    return !has_ended();
  }
  /// False: somebody has claimed the wait, so the fiber is in a run queue.
  [[nodiscard]] bool give_up() noexcept { return claim(kContextEnded); }
  /// Who ended the wait. What it did before is visible.
  [[nodiscard]] Token token() const noexcept {
    return word_.load(std::memory_order_acquire);  // acquire: pairs with the release in claim
  }
  /// Requires: nobody has claimed the wait, or the fiber has been parked since.
  void end() noexcept {
    // relaxed: nobody else cares; a claim that comes too late finds no kWaiting, before and after.
    word_.store(kRunning, std::memory_order_relaxed);
  }

  /// Ends the wait with `token`. True: it was us, and we must make the fiber ready. False: somebody else has, or it
  /// does not wait; leave it alone. `follows`: only a wait that began with this.
  [[nodiscard]] bool claim(Token token, Token follows = 0) noexcept {
    Token seen = word_.load(std::memory_order_relaxed);  // relaxed: the exchange decides
    while ((seen & (kWaiting | follows)) == (kWaiting | follows)) {
      // release: publishes what the claimer did to the fiber, which reads the word when it goes on.
      if (word_.compare_exchange_weak(seen, token, std::memory_order_release, std::memory_order_relaxed)) return true;
    }
    return false;
  }
  /// For dumps: whether it waits and nobody has claimed it.
  [[nodiscard]] bool is_waiting() const noexcept {
    return (word_.load(std::memory_order_relaxed) & kWaiting) != 0;  // relaxed: who asks looks for a change
  }

 private:
  static constexpr Token kRunning = 0;  // the bits above are those of no address, nor of kContextEnded

  Atomic<Token> word_{kRunning};  // written by the fiber and by whoever claims its wait; publishes the claimer's work
};

using WaitWord = BasicWaitWord<>;

}  // namespace sluice::internal
