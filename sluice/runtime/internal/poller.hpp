// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/runtime/internal/biased_lock.hpp>
#include <sluice/runtime/internal/wait_queue.hpp>
#include <sluice/runtime/internal/word_lock.hpp>

namespace sluice {
class Standby;
}

namespace sluice::internal {

/// One direction of a descriptor.
struct PollSide {
  bool ready = false;        // guarded by the entry's lock: an edge came that nobody has used
  Waiter* waiter = nullptr;  // guarded by the entry's lock
};

/// A descriptor that the pollers know. Its memory is never given back while the runtime lives: an event that was on its
/// way when the descriptor was closed finds a valid entry, and at worst makes its next user look once in vain.
struct PollEntry {
  int fd = -1;
  BiasedLock lock;
  PollSide readable;  // guarded by lock
  PollSide writable;  // guarded by lock
  Standby* standby = nullptr;  // guarded by lock: waits for `readable` without a fiber, unless it was woken otherwise
  // Guarded by lock: an edge told of the end, and nobody has looked for it since. Beside `readable.ready`, for the same edge
  // may have told of bytes: then two looks are owed. Not for good, for the edge may be late and the entry have a new user.
  bool hung_up = false;
  PollEntry* next_free = nullptr;
};

/// Where entries come from. Threads: any.
class PollEntryPool {
 public:
  PollEntry* take(int fd);
  void put(PollEntry* entry) noexcept;

 private:
  WordLock lock_;
  std::deque<PollEntry> entries_;  // guarded by lock_; a deque never moves them
  PollEntry* free_ = nullptr;      // guarded by lock_
};

/// An epoll instance and a way to interrupt it. Threads: any; epoll hands each edge to one caller.
/// Lifetime: who makes one asks opened() before anything else, and nothing else if it is an error.
class Poller {
 public:
  Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;
  ~Poller();

  /// An error if the kernel had no descriptors or no memory for it.
  [[nodiscard]] Result<void> opened() const;
  /// Edges of both directions from now on, until the descriptor is closed.
  Result<void> add(PollEntry& entry);
  /// Gathers fibers whose wait, or whose standby's wait, has ended into `wakeups`. Waits at most for `timeout`; nothing
  /// means for ever, zero not at all. How many events came, an interrupt counted as one.
  std::size_t poll(std::optional<Duration> timeout, Wakeups& wakeups);
  /// Ends a poll() that waits, or the next one that would. One that need not wait leaves it alone: that may be a thief's,
  /// and then the owner, who is owed the interrupt, would sleep for ever.
  void interrupt() noexcept;
  /// Until unwatch, what comes to `other`'s descriptors ends our poll() as an interrupt does, once for each time; it is still
  /// `other` that has to be polled for it. False: the kernel will not have it. Requires: not watched, nor watching us.
  bool watch(Poller& other) noexcept;
  /// Requires: watched.
  void unwatch(Poller& other) noexcept;

 private:
  void forget_interrupts() noexcept;
  static void make_ready(PollSide& side, Wakeups& wakeups) noexcept;
  static void wake_standby(PollEntry& entry, Wakeups& wakeups) noexcept;

  int epoll_fd_;
  int event_fd_;
  int open_error_ = 0;  // an errno value; 0: both are open
  // Entries ever added. Written by add, read by poll; publishes them. The kernel orders that already, but neither C++'s
  // memory model nor TSan knows of it.
  std::atomic<std::size_t> added_{0};
};

}  // namespace sluice::internal
