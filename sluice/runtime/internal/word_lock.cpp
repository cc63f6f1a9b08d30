// SPDX-License-Identifier: MIT
#include <sluice/runtime/internal/word_lock.hpp>

#include <sluice/runtime/internal/backoff.hpp>
#include <sluice/runtime/internal/futex.hpp>

namespace sluice::internal {
namespace {
// Some microseconds: far longer than our longest section, about as long as a trip through the kernel.
constexpr int kSpins = 100;
// A holder without a processor gets it back within some time slices of the kernel; ours is free for it meanwhile.
constexpr Duration kNap = std::chrono::microseconds(50);
}  // namespace

void WordLock::lock_slow() noexcept {
  Backoff backoff;
  // relaxed: try_lock decides. To read takes less from the holder, who needs the line to unlock, than to exchange.
  while (backoff.pause(kSpins))
    if (word_.load(std::memory_order_relaxed) == 0 && try_lock()) return;
  while (!try_lock()) futex_wait(word_, 1, kNap);
}

}  // namespace sluice::internal
