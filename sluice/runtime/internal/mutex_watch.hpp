// SPDX-License-Identifier: MIT
//
// A fiber that waits may go on in another thread. A std::mutex belongs to the thread that locked it, and to whom it lends
// the processor next: who locks it there waits for a fiber that waits for him (brpc#1741). Whoever needs a lock across a
// wait takes a sluice::Mutex.
#pragma once

#include <sluice/runtime/internal/witness.hpp>

namespace sluice::internal {

/// TSan puts its own functions where ours would be.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kWatchesMutexes = false;
#else
inline constexpr bool kWatchesMutexes = kChecked;
#endif

void expect_no_mutex_held() noexcept;

/// Ends the process if the calling fiber holds a lock of the C library, a std::mutex or std::shared_mutex for example: with
/// the stack that locked it and the one that is about to wait. Those that are locked and unlocked without a wait in between,
/// inside blocking() too, are nobody's business.
[[gnu::always_inline]] inline void check_mutexes_before_leaving() noexcept {
  if constexpr (kWatchesMutexes) expect_no_mutex_held();
}

}  // namespace sluice::internal
