// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/http/body_budget.hpp>
#include <sluice/http/h1_limits.hpp>
#include <sluice/http/handler.hpp>
#include <sluice/http/internal/session_shelf.hpp>
#include <sluice/net/stream.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::http {

struct H2Service;

/// How an HTTP/1.1 connection is served.
struct H1Options {
  H1Limits limits = {};
  /// From the first byte of a request to the end of its head. A phone on a bad line needs seconds; a slow-loris needs for
  /// ever.
  Duration head_time = std::chrono::seconds(10);
  /// Between requests. Longer than most clients keep a connection, so that they close first and no request is lost in a
  /// crossing.
  Duration idle_time = std::chrono::seconds(75);
  /// A body on its way in, or a reply on its way out, is broken off when it moves slower than `bytes_per_second` over a
  /// span of this length. So a transfer may last, but not for nothing.
  Duration transfer_span = std::chrono::seconds(10);
  std::size_t bytes_per_second = 1024;
  /// Of a body that nobody has read, so much is read and dropped to keep the connection; for more it is closed.
  std::size_t discard_bytes = std::size_t{64} * 1024;
};

/// Hears of what goes wrong where no middleware sees it: what a connection refuses before there is a request, and a
/// streamed reply that had to be broken off (`broken-stream`, with the status that was sent). Also of a body for which
/// there was no memory left (`body-budget`): the log of requests cannot tell it from other 503s.
/// Threads: any; must not park.
class RefusalObserver {
 public:
  virtual ~RefusalObserver() = default;
  virtual void on_refusal(int status, const Error& why) noexcept = 0;
};

/// What all connections of a server share; outlives them.
struct H1Service {
  static constexpr std::size_t kInputBytes = std::size_t{16} * 1024;

  const H1Options options;
  const Handler handler;
  Clock& clock;  ///< the one that the runtime's timers follow
  RefusalObserver& refusals;
  BodyBudget* bodies;   ///< null: there is no limit for all of them together
  Context& requests;    ///< the parent of all requests; when it ends they are cut short
  Context& accepting;   ///< when it ends no further request is taken, and connections that idle close at once
  /// A connection has ended, and is gone. Called by its fiber as the last thing that it does; must not park.
  const std::function<void()> on_closed;
  /// For clients that begin with HTTP/2's preface. Null: that is a malformed request.
  const H2Service* h2 = nullptr;
  internal::SessionShelf memory{kInputBytes};  ///< what connections need while they have something to do
};

/// One HTTP/1.1 connection on the server's side: reads requests, has them answered, writes the replies in their order.
///
/// Replies to pipelined requests go out together, in one write, when the input is used up. Bad input gets its 4xx, then
/// the connection is closed, gently, so that the client can read why. A request's context ends when the server's time
/// to drain is over, or when the client goes away while a handler works (see middleware/timeout.hpp).
/// Memory: an input buffer of kInputBytes, the head, the body up to the limit of who reads it, and kOutputBytes of replies.
/// A body takes at most twice what has come of it, whatever was announced. It is counted in `bodies`, which all connections
/// of a server share; where that has no room, reading it is kUnavailable `overloaded` and the connection closes. Over its
/// share stands at most one read of kBodyReadBytes, for as long as it takes to refuse it.
/// While it idles, before the first request and between two, it holds a few hundred bytes and no fiber. When bytes come it
/// gets a fiber and an input buffer. If the first ones are HTTP/2's preface it is served by h2_connection.hpp from then on.
class H1Connection {
 public:
  /// Room for every line that the limits allow, and for a hundred small pipelined requests a read.
  static constexpr std::size_t kInputBytes = H1Service::kInputBytes;
  /// Replies are gathered up to this size, then written.
  static constexpr std::size_t kOutputBytes = std::size_t{64} * 1024;
  /// A large body is read in pieces of this size at most.
  static constexpr std::size_t kBodyReadBytes = std::size_t{64} * 1024;

  /// Serves the stream until the client leaves, misbehaves or idles too long, or `accepting` has ended and no request is
  /// under way. Never parks. kResourceExhausted: there is no fiber to be had; the stream is closed, without on_closed().
  /// Requires: in a fiber; start_line_bytes, field_line_bytes, chunk_line_bytes and trailer_bytes fit into kInputBytes.
  static Result<void> start(std::unique_ptr<net::Stream> stream, H1Service& service);
  /// In place of start: says why to whatever the client is asking. Then the stream is to be closed. Parks.
  static void turn_away(net::Stream& stream, H1Service& service, const Error& why);

 private:
  class Kept;
};

}  // namespace sluice::http
