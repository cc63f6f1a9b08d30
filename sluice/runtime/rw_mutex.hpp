// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>

#include <sluice/base/result.hpp>
#include <sluice/runtime/internal/biased_lock.hpp>
#include <sluice/runtime/internal/lock_watch.hpp>
#include <sluice/runtime/internal/wait_queue.hpp>
#include <sluice/runtime/lock_rank.hpp>

namespace sluice {

/// Protects what many fibers read and few change: any number of readers at a time, or one writer. For short sections in
/// which nothing parks, as Mutex; where writes are not rare, Mutex is faster.
///
///   std::shared_lock reading(mutex_);
///   std::lock_guard writing(mutex_);
///
/// A waiting writer keeps new readers out, and when a writer leaves, the readers that wait by then get in before the next
/// writer: neither side starves, and within each it is first come, first served.
/// Hence no recursive reading: the second lock_shared() of a fiber that still holds the first waits for a writer in
/// between, who waits for the first. A lock held for reading cannot be turned into one for writing, nor the reverse.
/// Several at a time are taken in the order of their ranks: lock_rank.hpp.
/// Threads: fibers only. What a writer did is visible to every later reader and writer; what a reader did, to the next
/// writer. Lifetime: as Mutex. Source: Go's sync.RWMutex.
class RwMutex {
 public:
  explicit RwMutex(LockRank rank = LockRank::kLeaf) noexcept : watch_(rank) {}
  RwMutex(const RwMutex&) = delete;
  RwMutex& operator=(const RwMutex&) = delete;

  /// Parks while others read or write.
  void lock();
  /// The cause of ctx if that ends first; then it is not locked.
  [[nodiscard]] Result<void> lock(Context& ctx);
  [[nodiscard]] bool try_lock() noexcept;
  /// Requires: locked for writing, by the calling fiber.
  void unlock();

  /// Parks while another fiber writes or waits to write.
  void lock_shared();
  /// The cause of ctx if that ends first; then it is not locked.
  [[nodiscard]] Result<void> lock_shared(Context& ctx);
  /// False also if a writer waits.
  [[nodiscard]] bool try_lock_shared() noexcept;
  /// Requires: locked for reading, by the calling fiber.
  void unlock_shared();

 private:
  static constexpr std::uint32_t kWaited = 1;   // somebody is in a queue, or on the way there: everybody takes lock_
  static constexpr std::uint32_t kWriting = 2;  // held by a writer
  static constexpr std::uint32_t kReader = 4;   // one reader; their number is in the bits above

  std::uint32_t freeze() noexcept;
  void thaw(std::uint32_t holders) noexcept;
  bool take() noexcept;
  bool take_shared() noexcept;
  // Null ctx: cannot be cancelled. False: it has ended.
  bool lock_slow(Context* ctx);
  bool lock_shared_slow(Context* ctx);
  std::uint32_t let_readers_in(std::uint32_t holders, internal::Wakeups& wakeups) noexcept;
  void stop_waiting_to_write();
  void unlock_slow();
  void unlock_shared_slow();

  // Who holds it. Written by whoever locks and unlocks; publishes what the sections did. One word for all readers, not
  // one a processor: that would be a cache line each in every patient's record, and the writer would have to add them up.
  std::atomic<std::uint32_t> word_{0};
  internal::BiasedLock lock_;
  internal::WaitQueue readers_;  // guarded by lock_; not empty only while there is a writer, inside or waiting
  internal::WaitQueue writers_;  // guarded by lock_; not empty only while the mutex is held
  [[no_unique_address]] internal::LockWatch watch_;
};

}  // namespace sluice
