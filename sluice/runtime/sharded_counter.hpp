// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <sluice/observe/metric.hpp>

namespace sluice {

/// Counts what happens on all processors at the same time, such as every call: a single atomic's cache line would travel
/// between them with each one, so every processor has a line of its own, and who wants the sum adds them up.
///
///   ShardedCounter calls;
///   calls.add();
///
/// Costs a line (64 bytes) a processor. One that a scraper reads is a registry's observe::Counter, which is the same idea.
/// Threads: any, fibers or not. An add() that happened before value() is in it, one that runs at the same time may be; no
/// add is lost or counted twice. Beyond that it orders nothing: whoever sees the count need not see what was counted.
class ShardedCounter {
 public:
  ShardedCounter();

  /// Never waits. `amount` may be negative.
  void add(std::int64_t amount = 1) noexcept { sum_.add(static_cast<std::uint64_t>(amount)); }
  /// Without negative amounts: never less than an earlier value() of the same fiber.
  [[nodiscard]] std::int64_t value() const noexcept { return static_cast<std::int64_t>(sum_.value()); }

 private:
  // Why relaxed is enough: each addition is one atomic read-modify-write on some line, so none is lost; and once an
  // addition happened before a read, coherence forbids that read of its line to find an older value.
  observe::Counter sum_;  // modulo 2^64, in which a negative amount is a large one
};

}  // namespace sluice
