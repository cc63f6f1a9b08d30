// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/http/websocket/close_code.hpp>
#include <sluice/http/websocket/frame.hpp>
#include <sluice/net/stream.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/semaphore.hpp>

namespace sluice::http::websocket {

/// Fills the bytes with what nobody can guess (RFC 6455 §5.3, §4.1).
using Entropy = std::function<void(std::span<std::byte>)>;

/// The writing side of a connection, for several fibers at a time: messages come whole one after the other, control
/// frames between their fragments.
///
/// A control frame waits for nobody: if a frame is on its way it is left to whoever writes that, who sends it next. So
/// the one that reads answers pings, and the one that stops says so, also while a slow peer holds up a large message.
/// Of pongs that wait, only the last one is kept (RFC 6455 §5.5.3).
/// Errors: kCancelled `closed` once a Close was given; kDeadlineExceeded `slow-reader` if a frame does not leave within the
/// time; the stream's; the cause of ctx. If one ends a frame in its middle, the connection is broken: nothing follows.
/// Threads: fibers only, any number. Lifetime: borrows the stream; outlives all calls.
class FrameWriter {
 public:
  /// Larger messages leave in fragments of this size: so long a control frame waits.
  static constexpr std::size_t kFragmentBytes = std::size_t{64} * 1024;

  /// `frame_time`: for one frame, if it cannot leave at once. `entropy`: of a client, for its masks; null on a server.
  FrameWriter(net::Stream& stream, Side side, Duration frame_time, Entropy entropy);
  FrameWriter(const FrameWriter&) = delete;
  FrameWriter& operator=(const FrameWriter&) = delete;

  /// Parks until it is on its way, behind those that came first. Requires: text is UTF-8.
  Result<void> send_message(Context& ctx, Opcode kind, std::string_view data);
  /// Parks only if nothing else is on its way and the stream is full.
  Result<void> send_ping(Context& ctx);
  Result<void> send_pong(Context& ctx, std::string_view data);
  /// The last frame; later ones of any kind are refused, also the rest of a message on its way. kNone sends no code.
  /// Requires: otherwise may_be_sent(code); a reason of 123 bytes at most.
  Result<void> send_close(Context& ctx, CloseCode code, std::string_view reason);

  /// A frame was left in its middle: the peer cannot make sense of anything more.
  [[nodiscard]] bool is_broken();

 private:
  struct Waiting {  // of each kind one
    std::optional<std::string> pong;
    bool ping = false;
    std::optional<std::string> close;
  };

  template <class Put>
  Result<void> send_control(Context& ctx, Put put);
  Result<void> write_waiting(Context& ctx);
  bool take_waiting(Opcode& opcode, std::string& payload);
  bool may_write(Opcode opcode);
  void mark_broken();
  Result<void> write_frame(Context& ctx, Opcode opcode, bool is_final, std::string_view payload);
  Result<void> write(Context& ctx, std::string_view head, std::string_view payload);

  net::Stream& stream_;
  const Side side_;
  const Duration frame_time_;
  const Entropy entropy_;

  Semaphore message_turn_{1};  // who has it is sending a message
  Semaphore frame_turn_{1};    // who has it is writing; given back under mutex_, when nothing waits
  Mutex mutex_{LockRank::kHttp};
  Waiting waiting_;            // guarded by mutex_
  bool has_closed_ = false;    // guarded by mutex_; a Close waits or was written
  bool is_broken_ = false;     // guarded by mutex_
  std::string output_;         // owner of frame_turn_ only: a frame as it is written
};

}  // namespace sluice::http::websocket
