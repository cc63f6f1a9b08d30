// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/net/address.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice {
class Standby;
}

namespace sluice::net {

/// Bytes of a message in several places, written as one.
using Pieces = std::span<const std::span<const std::byte>>;

/// Bytes in both directions, in order, between two parties: what a protocol needs to know of a connection.
/// Errors: kUnavailable if the peer broke it off; the cause of ctx if that ended first. After an error of write an
/// unknown part has been sent, so nothing more may be written.
/// Threads: one reader and one writer at a time, which may be two fibers. Lifetime: the destructor closes both
/// directions; nobody reads or writes any more by then.
class Stream {
 public:
  virtual ~Stream() = default;

  /// Parks until there is at least one byte; how many were put into `into`. 0: the peer will send nothing more.
  /// Requires: room for at least one.
  virtual Result<std::size_t> read(Context& ctx, std::span<std::byte> into) = 0;
  /// Takes what is there; nothing if read() would have to wait. 0 and errors as for read(). Never parks.
  /// Requires: room for at least one.
  virtual Result<std::optional<std::size_t>> try_read(std::span<std::byte> into) = 0;
  /// In place of a read() that would wait long: leaves `standby` waiting without a fiber until there may be something to
  /// read (also: the end, an error), it is called, or `until`. True: that will start its fiber; neither it nor, if this
  /// belongs to it, this may be touched any more. False: there may be something now, or it was called: look, and come again.
  /// A stream over another one says false while it holds bytes itself, and asks the one below otherwise.
  /// Never parks. Requires: in a fiber; nobody reads; `standby` outlives the stream.
  [[nodiscard]] virtual bool stand_by(Standby& standby, Deadline until) = 0;
  /// Parks until all of it is on its way; the peer may not have it yet.
  virtual Result<void> write(Context& ctx, Pieces pieces) = 0;
  /// Sends what can go at once; how many bytes, 0 if it would have to wait. Never parks. It saves its caller the timer
  /// that limits a wait, for nearly all writes need none.
  virtual Result<std::size_t> try_write(Pieces pieces) = 0;
  /// Tells the peer that nothing more will come; reading goes on.
  virtual void shutdown_write() noexcept = 0;

  /// True: the peer has closed or reset the connection, or has ended its direction. Bytes that it sent before may still
  /// be there to read; then the answer may be false. Never parks, takes nothing from the stream.
  [[nodiscard]] virtual bool peer_has_gone() noexcept = 0;
  /// The other end; all zero if it has no address.
  [[nodiscard]] virtual Address peer() const noexcept = 0;

  Result<void> write(Context& ctx, std::span<const std::byte> bytes) { return write(ctx, Pieces(&bytes, 1)); }
};

/// Where connections come from.
/// Threads: accept() by one fiber at a time.
class Listener {
 public:
  virtual ~Listener() = default;

  /// Parks until somebody connects. An error is final for this listener, or is ctx's: what concerns a single connection,
  /// and a lack of descriptors that may pass, are waited out inside.
  virtual Result<std::unique_ptr<Stream>> accept(Context& ctx) = 0;
  /// Where it listens; the port is the real one, also if 0 was asked for.
  [[nodiscard]] virtual Address address() const noexcept = 0;
};

}  // namespace sluice::net
