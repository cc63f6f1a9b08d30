// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/http/websocket/close_code.hpp>
#include <sluice/http/websocket/frame.hpp>
#include <sluice/http/websocket/frame_writer.hpp>
#include <sluice/http/websocket/message_reader.hpp>
#include <sluice/net/stream.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::http {
class BodyBudget;
}

namespace sluice::http::websocket {

struct SocketOptions {
  /// A larger message ends the connection with 1009. Fits what chats and dashboards send; raise it for uploads.
  std::size_t message_bytes_max = std::size_t{1} << 20;
  /// A peer that has been silent for so long is pinged, and given up if it stays silent for as long again: some proxies
  /// forget a connection after 60 seconds. 0: never.
  Duration ping_interval = std::chrono::seconds(30);
  /// So long the peer may take to answer our Close, and a handler to notice the peer's.
  Duration close_time = std::chrono::seconds(5);
  /// A frame, of 64 KiB at most, that cannot leave within this time has met a peer that does not read.
  Duration frame_time = std::chrono::seconds(30);
};

/// One WebSocket connection, on either side: messages in both directions until somebody says goodbye.
///
///   while (true) {
///     SLUICE_TRY(auto message, socket.receive(ctx));
///     if (!message) return {};                               // the peer has closed
///     SLUICE_TRY(socket.send_text(ctx, message->data));
///   }
///
/// A fiber of its own reads, so that pings are answered, and a peer that leaves is noticed, while nobody receives. It reads
/// ahead by one message and then waits for receive(), and with it the peer: one message waits here, one is on its way.
/// How it ends:
///   the peer closes    receive() gives what came before, then nothing; close_time later the socket's context ends
///   it is lost         the peer went without a Close (kCancelled `peer-gone`), is silent (`silent-peer`), does not read
///                      (`slow-reader`), does not answer our Close (`slow-close`), or breaks the protocol (message_reader.hpp,
///                      told by a Close): the context ends at once with that, receive() fails with it
///   the server stops   it is told 1001; receiving goes on until its Close, sending is `closed`
/// A send whose ctx ends while a frame of it is leaving leaves that in its middle, and the connection is lost (`broken-off`).
/// Memory: two fibers, with the owner's, 16 KiB for reading, which are touched as far as they are used, and the messages.
/// No extensions: permessage-deflate is never agreed on.
/// Threads: fibers only; one receives, any number send; one closes, instead of receiving. Lifetime: outlives all calls.
/// Source: RFC 6455.
class Socket {
 public:
  /// What one stands on. All that is borrowed outlives it.
  struct Parts {
    net::Stream& stream;
    Side side = Side::kServer;
    std::string_view early = {};   ///< what has come already; borrowed for the call
    std::string protocol = {};     ///< the subprotocol agreed on
    Context* parent = nullptr;     ///< ends the socket; null: nobody but its owner does
    Context* stopping = nullptr;   ///< when it ends we go away; null: we do not
    BodyBudget* bodies = nullptr;  ///< where the message on its way in is counted; null: there is no limit but its own
    Entropy entropy = nullptr;     ///< of a client, for its masks
    std::unique_ptr<net::Stream> owned = nullptr;  ///< the stream, if it belongs to the socket
  };
  /// For serve() and connect(), after the handshake, and for tests. kResourceExhausted: no stack for the fiber that reads.
  [[nodiscard]] static Result<std::unique_ptr<Socket>> open(Parts parts, const SocketOptions& options);

  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  /// Drops the connection, unless close() was called before.
  ~Socket();

  /// Parks until a whole message has come. Nothing: the peer has closed, see peer_close().
  Result<std::optional<Message>> receive(Context& ctx);

  /// Parks until it is on its way, behind other fibers' messages. kInvalidArgument `bad-utf8`: it is not text, nothing was
  /// sent. kCancelled `closed`: one of us has closed. Else see above.
  Result<void> send_text(Context& ctx, std::string_view text);
  Result<void> send_binary(Context& ctx, std::span<const std::byte> bytes);

  /// Says goodbye and parks until the peer has answered; messages that still come are dropped. Ok as well if the peer was
  /// first. kDeadlineExceeded `slow-close`: no answer in time, the connection is dropped.
  /// Requires: may_be_sent(code); `reason` is UTF-8 of 123 bytes at most.
  Result<void> close(Context& ctx, CloseCode code = CloseCode::kNormal, std::string_view reason = {});
  /// What the peer said. Requires: receive() has given nothing, or close() was ok.
  [[nodiscard]] const Close& peer_close() const noexcept;

  /// The subprotocol agreed on; empty if there is none.
  [[nodiscard]] std::string_view protocol() const noexcept;
  /// Ends as said above; a handler is given it.
  [[nodiscard]] Context& context() noexcept;

  /// For serve(): closes as the handler's result wants it, and tells what is worth a line in the log: a peer that broke the
  /// protocol or did not keep up, or the handler's error as `broken-upgrade`. Nobody uses the socket any more.
  Result<void> finish(Context& ctx, Result<void> result);

 private:
  class Work;
  explicit Socket(std::unique_ptr<Work> work);
  const std::unique_ptr<Work> work_;
};

}  // namespace sluice::http::websocket
