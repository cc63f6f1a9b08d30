// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice {

class Standby;

namespace internal {
struct PollEntry;
}

/// A non-blocking file descriptor on which fibers wait. Registered once, edge-triggered, with the poller of the
/// processor that adopted it; no system call per wait.
///
///   for (;;) {
///     ssize_t n = receive(socket.fd(), bytes);   // ::recv, or -errno
///     if (n >= 0) return n;
///     if (n == -EAGAIN) SLUICE_TRY(socket.wait_readable(ctx)); else ...
///   }
///
/// Read errno in a function that is never inlined ([[gnu::noinline]] receive() above): after a wait the fiber may be on
/// another thread, while the compiler believes that errno stays where it was.
/// Waits may return early without reason: try the call again. Threads: at most one fiber waits for each direction.
/// Lifetime: closes the descriptor; nobody waits any more by then (asserted).
class Pollable {
 public:
  /// Takes ownership of `fd`, also when it fails, and makes it non-blocking. Requires: in a fiber.
  static Result<std::unique_ptr<Pollable>> adopt(int fd);
  Pollable(const Pollable&) = delete;
  Pollable& operator=(const Pollable&) = delete;
  ~Pollable();

  [[nodiscard]] int fd() const noexcept;
  /// Parks until the descriptor may be readable (also: the peer has closed, or an error waits to be read).
  Result<void> wait_readable(Context& ctx);
  Result<void> wait_writable(Context& ctx);
  /// Leaves `standby`, in place of a fiber, waiting until the descriptor may be readable, it is called, or `until`. True: it
  /// is not the caller's any more, nor is this, if it belongs to it. False: it may be readable already, or it was called.
  /// Never parks. Requires: in a fiber; nobody waits for reading; the standby outlives this.
  [[nodiscard]] bool stand_by(Standby& standby, Deadline until) noexcept;
  /// For who wants to wait without having tried, because his last read found the end of what was there. True, once: the
  /// news that wait_readable had may have told also that the other side has ended, and no other comes; try the call first.
  /// False: wait_readable will tell.
  [[nodiscard]] bool take_hang_up() noexcept;

 private:
  explicit Pollable(internal::PollEntry* entry) noexcept : entry_(entry) {}
  internal::PollEntry* const entry_;
};

}  // namespace sluice
