// SPDX-License-Identifier: MIT
#include <sluice/governance/token_bucket.hpp>

namespace sluice::governance {

Decision TokenBucket::try_take(Instant now, std::uint32_t n) noexcept {
  // relaxed, here and in the exchange: the word is all there is. Its modification order alone makes the takes a
  // sequence, each of which sees the one before it; nothing else is handed over with a token.
  std::uint64_t full_at = full_at_.load(std::memory_order_relaxed);
  for (;;) {
    auto step = gcra_.take(full_at, now, n);
    if (step.full_at == full_at) return step.decision;
    // relaxed: see above. A lost exchange brings what the winner left.
    if (full_at_.compare_exchange_weak(full_at, step.full_at, std::memory_order_relaxed)) return step.decision;
  }
}

}  // namespace sluice::governance
