// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <sluice/base/clock.hpp>
#include <sluice/http/body_budget.hpp>
#include <sluice/http/h1_connection.hpp>
#include <sluice/http/handler.hpp>
#include <sluice/net/stream.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::http {

/// How an HTTP/2 connection is served. What HTTP/1.1 has as well is as there.
struct H2Options {
  /// A request's fields, as SETTINGS_MAX_HEADER_LIST_SIZE counts them: names, values, 32 for each (RFC 9113 §6.5.2).
  /// More is answered 431.
  std::size_t head_bytes = std::size_t{32} * 1024;
  std::size_t field_count = 100;
  /// Requests of a connection at a time, those included whose client has reset them and whose handler has not left yet.
  /// RFC 9113 §6.5.2 asks for 100 at least; nginx has 128, the Go runtime 250.
  std::uint32_t streams_max = 100;
  /// From the first byte of a request's fields to the last.
  Duration head_time = std::chrono::seconds(10);
  /// Without a request under way; pings do not count.
  Duration idle_time = std::chrono::seconds(75);
  /// As H1Options::transfer_span: a body on its way in is given up when it moves slower than `bytes_per_second` over a
  /// span of this length, a reply that waits for its client's window within two spans. Who is held up by others on the
  /// same connection, and not by the client, is forgiven.
  Duration transfer_span = std::chrono::seconds(10);
  std::size_t bytes_per_second = 1024;
  /// When the server stops, a request that crosses with the news is still taken until the client has confirmed it
  /// (RFC 9113 §6.8), or for this long.
  Duration goaway_time = std::chrono::seconds(1);
};

/// What all HTTP/2 connections of a server share; outlives them.
struct H2Service {
  const H2Options options;
  const Handler& handler;
  Clock& clock;  ///< the one that the runtime's timers follow
  RefusalObserver& refusals;
  BodyBudget* bodies;  ///< null: there is no limit for all bodies together
};

/// One HTTP/2 connection on the server's side. Each request is a fiber with a Context of its own, which ends when the client
/// resets the stream or goes away, and when the server's time to drain is over.
///
/// What one read has brought is answered in one write, if the handlers are that quick. A request that is malformed is told
/// so by 4xx or RST_STREAM, a connection that breaks the protocol, or floods us with frames that mean nothing or with
/// streams that it resets (CVE-2023-44487), by GOAWAY; both are told to `refusals`, see h2_session.hpp.
/// Memory: an input buffer of kInputBytes and kOutputBytes of frames; for each of streams_max requests its head, its reply,
/// and kUnreadBytes of its body before a handler reads it. Bodies are counted in `bodies` from the first byte on; where that
/// has no room, reading is kUnavailable `overloaded`. A client that reads nothing stops us from reading as well.
/// While it idles it keeps two fibers, for reading and for writing, and the input buffer.
/// Threads: serve() by one fiber; its requests are others. Lifetime: borrows all that it is given.
/// Source: RFC 9113; the frames and HPACK are nghttp2's.
class H2Connection {
 public:
  static constexpr std::size_t kInputBytes = std::size_t{16} * 1024;
  /// Frames are gathered up to this size, then written.
  static constexpr std::size_t kOutputBytes = std::size_t{64} * 1024;
  /// RFC 9113 §6.9.2's first window: so much of a body may come before somebody reads it.
  static constexpr std::size_t kUnreadBytes = 65'535;
  /// The window of a body that is being read: what a line of 20 MB/s and 12 ms carries.
  static constexpr std::size_t kReadWindowBytes = std::size_t{256} * 1024;

  /// Serves until the client leaves, misbehaves or idles too long, or `accepting` has ended and all requests are answered.
  /// `ctx` is the requests' parent; when it ends they are cut short. `first_bytes`: what was read to find out that it is
  /// HTTP/2, from the preface on. Parks.
  static void serve(net::Stream& stream, const H2Service& service, Context& ctx, Context& accepting,
                    std::string_view first_bytes = {});
};

}  // namespace sluice::http
