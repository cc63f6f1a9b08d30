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
/// The handler runs with a context that ends at the limit. If it has not returned a few milliseconds later, another fiber
/// gives the client 503 `timeout` with Retry-After (over HTTP/1.1 as the connection's last reply), and nothing that the
/// handler touches is used again before it has left: over HTTP/1.1 the connection waits, over HTTP/2 its stream does, and
/// the others go on. The same when the client goes away meanwhile, which is looked for ten times a second: the handler is
/// cancelled, and the log says 499. A handler that is quicker than that costs no other fiber.
/// A client that ends its direction counts as gone: TCP does not tell whether it still listens.
/// Left alone are requests that say `Upgrade: websocket` or `Accept: text/event-stream`, exactly so: a socket or a stream of
/// events may last. Any client can ask for that; what must end in time whoever asks has to give itself a Context with a
/// deadline.
/// Requires: max_body, or whoever else reads bodies, stands outside of it; inside, Request::read_body is kInternal.
/// Threads: a Request under it is read by both fibers and changed by neither, and the handler does not use its Exchange. Lifetime: all outlive the chain.
/// Source: go-zero's timeouthandler, which abandons the handler instead.
[[nodiscard]] Middleware timeout(Duration limit, Clock& clock, observe::Logger& log);

}  // namespace sluice::http::middleware
