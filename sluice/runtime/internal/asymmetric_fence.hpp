// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>

namespace sluice::internal {

/// "I write my word and read yours, you write yours and read mine; not both of us may miss the other." Both sides need a
/// full fence for that, unless one of them is rare: then it can make every other thread of the process pass a fence
/// (membarrier), and the frequent side needs nothing but a compiler that keeps the order.
///
///   frequent side:  a.store(1, relaxed);  light_fence();  b.load(relaxed);
///   rare side:      b.store(1, relaxed);  heavy_fence();  a.load(relaxed);
///
/// A light fence is free, a heavy one costs 0.3 µs, or some 8 µs while other processors run this process (measured), and
/// interrupts those. Where the kernel has no membarrier (before 4.14, or refused by a sandbox) both are full fences.
/// Threads: any. Source: P1202R5, "Asymmetric fences", D. Goldblatt, 2022.
class AsymmetricFence {
 public:
  static void light() noexcept {
    // relaxed: set before there are threads.
    if (is_light_.load(std::memory_order_relaxed)) {
      asm volatile("" ::: "memory");
    } else {
      full();
    }
  }
  /// Requires: is_light().
  static void light_for_sure() noexcept { asm volatile("" ::: "memory"); }
  static void heavy() noexcept;

  /// Whether light() is free. True after prepare() on any kernel that we know.
  [[nodiscard]] static bool is_light() noexcept { return is_light_.load(std::memory_order_relaxed); }  // as in light
  /// Tells the kernel that this process will want it. Requires: called before other threads use either fence.
  static void prepare() noexcept;

 private:
  static void full() noexcept;

  static std::atomic<bool> is_light_;  // written by prepare, read by all; publishes nothing
};

}  // namespace sluice::internal
