// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string_view>

#include <sluice/base/result.hpp>
#include <sluice/net/stream.hpp>
#include <sluice/net/tls_context.hpp>

namespace sluice::net {

/// A stream that nobody on the way can read or change, over any other stream.
///   read, try_read: of one record (16 KiB at most) at a time. 0 only if the peer said so (close_notify): an end of the stream
///     below without it is kUnavailable `truncated`, for somebody on the way may have cut off the rest. Who knows from the
///     content that it is whole takes it for the end.
///   stand_by: may start the fiber although nothing can be read yet, for part of a record has come, which holds 16 KiB. Who
///     limits how long his peer may idle does not begin anew for that.
///   shutdown_write: sends close_notify, then ends the direction below. The destructor sends none: who only destroys, breaks
///     off.
///   peer_has_gone: also true after a close_notify; to see it, it takes ciphertext from below, one record at most.
///   try_write: if it returns less than it was given, the next write begins with the rest, or there is none.
/// Errors beyond those of a stream: kUnavailable `truncated`; kUnavailable `bad-record` (damaged, forged, an alert).
/// Threads, lifetime: as for every stream. What it is layered over is its own; not over another TlsStream.
/// Source: RFC 8446, RFC 5246.
class TlsStream : public Stream {
 public:
  /// The protocol that was agreed on ("h2"); empty if none was. Lifetime: the stream's.
  [[nodiscard]] virtual std::string_view protocol() const noexcept = 0;
  /// The peer has shown a certificate, and it is good.
  [[nodiscard]] virtual bool has_verified_peer() const noexcept = 0;
};

/// The client's side of `below`. Parks until both sides have agreed. `host` is whom the certificate must name: a name, or an
/// IP literal without brackets; a name is also sent (SNI).
/// kUnauthenticated `bad-certificate`: it is not the one that was asked for, or nobody trustworthy vouches for it;
/// kUnavailable `handshake` (no agreement, or not TLS) or `truncated`; kInvalidArgument `bad-host`; or ctx's cause. The
/// peer is told why, if that can be done at once. Requires: host is not empty.
[[nodiscard]] Result<std::unique_ptr<TlsStream>> tls_connect(Context& ctx, std::unique_ptr<Stream> below,
                                                             const TlsClientContext& context, std::string_view host);

/// The server's side of `below`, with the certificate that the context has when the peer speaks first. Parks until both sides
/// have agreed, which a stranger can make last for ever: give it a ctx with a deadline, and a fiber of its own. `context` is
/// borrowed until it returns. Errors as for tls_connect.
[[nodiscard]] Result<std::unique_ptr<TlsStream>> tls_accept(Context& ctx, std::unique_ptr<Stream> below,
                                                            const TlsServerContext& context);

}  // namespace sluice::net
