// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/base/clock.hpp>
#include <sluice/http/handler.hpp>

namespace sluice::observe {
class Logger;
}

namespace sluice::http::middleware {

/// The client hears in time, whatever the handler does, and a handler that is late can harm nobody.
///
/// The handler runs on a fiber of its own, with a context that ends at the limit. If it has not answered by then, its
/// context ends; if it has not returned a few milliseconds later either, the client gets 503 `timeout` with Retry-After
/// (over HTTP/1.1 as the connection's last reply), and the connection waits until the handler has left before anything that
/// it touches is used again; over HTTP/2 its stream waits, and the others go on. The same when the client goes away meanwhile: the handler is cancelled, and the log says 499.
/// A client that ends its direction counts as gone: TCP does not tell whether it still listens.
/// Left alone are requests that say `Upgrade: websocket` or `Accept: text/event-stream`, exactly so: a socket or a stream of
/// events may last. Their handler runs on the connection's own fiber, and any client can ask for that; what must end in time
/// whoever asks has to give itself a Context with a deadline.
/// Requires: max_body, or whoever else reads bodies, stands outside of it; inside, Request::read_body is kInternal.
/// Threads: a Request under it is read by both fibers and changed by neither. Lifetime: all outlive the chain.
/// Source: go-zero's timeouthandler, which abandons the handler instead.
[[nodiscard]] Middleware timeout(Duration limit, Clock& clock, observe::Logger& log);

}  // namespace sluice::http::middleware
