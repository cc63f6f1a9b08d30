// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/base/assert.hpp>
#include <sluice/base/spin_lock.hpp>
#include <sluice/runtime/internal/witness.hpp>
#include <sluice/runtime/lock_rank.hpp>

namespace sluice::internal {

/// How a lock is held.
enum class Hold { kAlone, kShared };

/// The part of a Mutex or RwMutex that knows who holds it, and ends the process when a fiber
///   - locks in the wrong order (lock_rank.hpp), or what it holds already: it would wait for itself;
///   - unlocks what another one holds;
///   - ends, or destroys the lock, while it is held.
/// Only fibers are watched; what happens outside of them passes. Threads: any.
class FiberLockWatch {
 public:
  explicit FiberLockWatch(LockRank rank) noexcept : rank_(rank) {}
  FiberLockWatch(const FiberLockWatch&) = delete;
  FiberLockWatch& operator=(const FiberLockWatch&) = delete;
  ~FiberLockWatch();

  /// Before the calling fiber waits for the lock.
  void wants() const noexcept;
  /// Once it holds it.
  void has_taken(Hold how = Hold::kAlone) noexcept;
  /// While it still holds it, if it does; else this passes, for the lock itself knows that it is free.
  void gives_back(Hold how = Hold::kAlone) noexcept;
  /// Who holds it, and who gave it back last.
  [[nodiscard]] Earlier past() const noexcept;

 private:
  const LockRank rank_;
  mutable SpinLock lock_;
  StackWitness given_back_{"it was last unlocked"};  // guarded by lock_
};

/// Instead of it in builds that do not check. Empty.
class NoLockWatch {
 public:
  explicit NoLockWatch(LockRank) noexcept {}
  void wants() const noexcept {}
  void has_taken(Hold = Hold::kAlone) noexcept {}
  void gives_back(Hold = Hold::kAlone) noexcept {}
  [[nodiscard]] static Earlier past() noexcept { return NoWitness::earlier(); }
};

/// As a member: [[no_unique_address]].
using LockWatch = std::conditional_t<kChecked, FiberLockWatch, NoLockWatch>;

void expect_no_lock_held() noexcept;
void forget_held_locks() noexcept;

/// Before the calling fiber ends.
inline void check_locks_at_end() noexcept {
  if constexpr (kChecked) expect_no_lock_held();
}

/// When the runtime has ended: what abandoned fibers held must not be taken for the next runtime's, which numbers its fibers
/// from the beginning.
inline void forget_abandoned_locks() noexcept {
  if constexpr (kChecked) forget_held_locks();
}

}  // namespace sluice::internal
