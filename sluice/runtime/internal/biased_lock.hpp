// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

#include <sluice/runtime/internal/asymmetric_fence.hpp>
#include <sluice/runtime/internal/current.hpp>

namespace sluice::internal {

struct Processor;

/// Guards a structure for some tens of instructions, nearly always by fibers of one processor: those that talk to each
/// other stay together. So the lock belongs to the processor that made it, which locks and unlocks it with plain reads and
/// writes. The first one that comes from elsewhere takes that privilege away; from then on it is an ordinary lock.
///
///   owner_ == P:       P:        held_ = 1 · light fence · owner_ still P?  yes: locked.  no: held_ = 0, and as a stranger
///                      stranger: word_ 0→2 · owner_ = nobody · heavy fence · wait for held_ == 0 · word_ = 1: locked
///   owner_ == nobody:  anybody:  word_ 0→2 · owner_ is nobody · word_ = 1: locked
///
/// Forbidden outcome: P sees owner_ == P and the stranger sees held_ == 0. By the fences, either P's second look at owner_
/// sees the stranger's write, or the stranger's look at held_ sees P's.
/// Who unlocks tells the two kinds of locking apart by word_: it is 1 only while somebody holds it the ordinary way, for
/// strangers who wait for P leave it at 2.
///
/// Identities are pointers, so that a test can make them up; likewise the fences and the atomics, so that it can try
/// every interleaving. Source: K. Kawachiya, A. Koseki, T. Onodera, "Lock Reservation", OOPSLA 2002.
template <class Fence = AsymmetricFence, template <class> class Atomic = std::atomic>
class BasicBiasedLock {
 public:
  using Owner = const void*;
  /// Of a lock that belongs to no processor.
  static constexpr Owner kNobody = nullptr;

  explicit BasicBiasedLock(Owner owner) noexcept : owner_(owner) {}
  BasicBiasedLock(const BasicBiasedLock&) = delete;
  BasicBiasedLock& operator=(const BasicBiasedLock&) = delete;

  /// `self`: the caller's processor, kNobody if it has none. True: without a locked instruction.
  [[nodiscard]] bool try_lock_as_owner(Owner self) noexcept {
    // relaxed: a first look; the second one decides.
    if (self == kNobody || owner_.load(std::memory_order_relaxed) != self) return false;
    held_.store(1, std::memory_order_relaxed);  // relaxed: ordered by the fence
    Fence::light_for_sure();  // without it nobody has privileges
    // relaxed: ordered by the fence. Whoever held the lock before us was a fiber of our processor, too.
    if (owner_.load(std::memory_order_relaxed) == self) return true;
    held_.store(0, std::memory_order_release);  // release: as in unlock
    return false;
  }

  /// One attempt to lock as everybody does. Revokes the owner's privilege; spins until it has left.
  /// `wait`: called while the owner is inside. True: locked.
  template <class Wait>
  [[nodiscard]] bool try_lock_as_stranger(Wait wait) noexcept {
    std::uint32_t free = kFree;
    // acquire: pairs with the release in unlock.
    if (!word_.compare_exchange_strong(free, kEntering, std::memory_order_acquire, std::memory_order_relaxed)) return false;
    // relaxed: changed under word_ only.
    if (owner_.load(std::memory_order_relaxed) != kNobody) {
      owner_.store(kNobody, std::memory_order_relaxed);  // relaxed: ordered by the fence
      Fence::heavy();
      // acquire: pairs with the owner's release in unlock.
      while (held_.load(std::memory_order_acquire) != 0) wait();
    }
    word_.store(kHeld, std::memory_order_relaxed);  // relaxed: for ourselves, in unlock
    return true;
  }

  void unlock() noexcept {
    // relaxed: it is kHeld only if we wrote that ourselves.
    if (word_.load(std::memory_order_relaxed) == kHeld) {
      word_.store(kFree, std::memory_order_release);  // release: pairs with the acquire in try_lock_as_stranger
    } else {
      held_.store(0, std::memory_order_release);  // release: pairs with the acquire there; to the owner it is program order
    }
  }

  /// Gives the privilege (back) to `self`. Requires: the caller, who is `self`, holds the lock and got it as a stranger; a
  /// holder by privilege would undo what a stranger, who waits for it, has just written. And `self` is the only owner that
  /// the lock ever has: an earlier one, between its two looks, would write held_ = 0 while the new one is inside.
  void give_to(Owner self) noexcept { owner_.store(self, std::memory_order_relaxed); }  // relaxed: we hold word_
  [[nodiscard]] bool has_owner() const noexcept {
    return owner_.load(std::memory_order_relaxed) != kNobody;  // relaxed: a first look
  }
  /// For who spins: whether an attempt could succeed.
  [[nodiscard]] bool looks_free() const noexcept {
    return word_.load(std::memory_order_relaxed) == kFree;  // relaxed: the attempt decides
  }

 private:
  static constexpr std::uint32_t kFree = 0, kHeld = 1, kEntering = 2;

  Atomic<Owner> owner_;            // written under word_; read by all
  Atomic<std::uint32_t> held_{0};  // written by the owner; publishes what the lock guards
  Atomic<std::uint32_t> word_{0};  // written by everybody else; publishes what the lock guards
};

/// The lock of everything that fibers share. Satisfies BasicLockable. It stops the thread, not the fiber: while it is held
/// nothing parks, allocates much, or calls foreign code. One that is made outside of fibers belongs to nobody.
/// Taking the privilege away interrupts all processors, so there is a budget for that: while too many locks turn out to be
/// shared, new ones begin as ordinary ones.
/// Waiting is spinning, for the holder is gone soon unless the kernel took its processor away; then it is naps.
/// Threads: any, also those that run no fiber.
class BiasedLock {
 public:
  BiasedLock() noexcept;

  void lock() noexcept { lock(current_processor()); }
  /// For who knows already where it runs.
  void lock(Processor* self) noexcept {
    if (!lock_.try_lock_as_owner(self)) lock_as_stranger();
  }
  /// As lock(self), and the lock is self's own again from the next time on, whoever has come in between.
  void lock_and_keep(Processor& self) noexcept {
    if (lock_.try_lock_as_owner(&self)) return;
    lock_as_stranger();
    if (AsymmetricFence::is_light()) lock_.give_to(&self);
  }
  void unlock() noexcept { lock_.unlock(); }

  /// Sysmon's: some more may be taken away from now on.
  static void refill_budget() noexcept;

 private:
  void lock_as_stranger() noexcept;

  BasicBiasedLock<> lock_;
};

}  // namespace sluice::internal
