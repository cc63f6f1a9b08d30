// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/word_lock.hpp>

#include <sluice/runtime/internal/futex.hpp>

namespace sluice::internal {
namespace {
// About a microsecond: a few times as long as our longest section, far less than a trip through the kernel.
constexpr int kSpins = 40;
}  // namespace

void WordLock::lock_slow() noexcept {
  for (int spin = 0; spin < kSpins; ++spin) {
    relax_processor();
    if (try_lock()) return;
  }
  // From here on the word says 2 while we hold it: we cannot know whether others sleep. acquire: as in lock.
  while (word_.exchange(2, std::memory_order_acquire) != 0) futex_wait(word_, 2);
}

void WordLock::wake_one() noexcept { futex_wake(word_); }

}  // namespace sluice::internal
