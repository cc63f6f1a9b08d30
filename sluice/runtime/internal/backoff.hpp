// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include <sluice/runtime/internal/futex.hpp>

namespace sluice::internal {

/// The pauses between one's looks at a word that another processor is about to write. Each look takes the word's cache line
/// from it, so each pause is twice as long as the one before, up to a limit. Source: T. Anderson, "The Performance of Spin
/// Lock Alternatives for Shared-Memory Multiprocessors", IEEE TPDS 1990.
class Backoff {
 public:
  /// False: `limit` pauses are spent, and it would be better to let the thread, or the fiber, sleep.
  bool pause(int limit) noexcept {
    if (spent_ >= limit) return false;
    for (int i = 0; i < next_; ++i) relax_processor();
    spent_ += next_;
    next_ = std::min(2 * next_, kLongest);
    return true;
  }

 private:
  static constexpr int kLongest = 32;  // less than a microsecond

  int spent_ = 0;
  int next_ = 1;
};

}  // namespace sluice::internal
