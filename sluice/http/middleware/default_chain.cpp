// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/default_chain.hpp>

#include <limits>

#include <sluice/http/middleware/access_log.hpp>
#include <sluice/http/middleware/authorize.hpp>
#include <sluice/http/middleware/breaker.hpp>
#include <sluice/http/middleware/gunzip.hpp>
#include <sluice/http/middleware/max_body.hpp>
#include <sluice/http/middleware/max_connections.hpp>
#include <sluice/http/middleware/metrics.hpp>
#include <sluice/http/middleware/queue_delay.hpp>
#include <sluice/http/middleware/rate_limit.hpp>
#include <sluice/http/middleware/recover.hpp>
#include <sluice/http/middleware/shedding.hpp>
#include <sluice/http/middleware/timeout.hpp>
#include <sluice/http/middleware/trace_id.hpp>

namespace sluice::http::middleware {

Chain default_chain(const ChainParts& parts, const ChainOptions& options) {
  const Switches& on = options.middlewares;
  std::size_t body_bytes_max = on.max_bytes ? options.body_bytes_max : std::numeric_limits<std::size_t>::max();
  Chain chain;
  // First: every refusal below still belongs to a trace.
  if (on.trace) chain.push_back(trace_id(parts.ids));
  // Sees the final status and sizes, whoever decides them.
  if (on.log) chain.push_back(access_log(parts.log, parts.clock));
  // Inside the log only because of go-zero's order; between the two nothing happens.
  if (on.prometheus) chain.push_back(metrics(parts.metrics, parts.clock));
  // Inside the log, which tells what is sent, and outside of all whose time it is not.
  if (options.compress) chain.push_back(compress(*options.compress));
  // Five that refuse before anything is spent on a request. First the one that only counts.
  if (on.max_conns && options.requests_max > 0)
    chain.push_back(max_connections(options.requests_max, parts.metrics, parts.log, parts.clock));
  // Outside of the timeout, whose 503 is a failure as any other; inside max_connections, whose 503 says nothing of the handler.
  if (on.breaker) chain.push_back(breaker(parts.metrics, parts.log, parts.clock));
  // Inside the breaker, as in go-zero, which leaves these refusals out. By how long requests wait first, which tells within
  // half a second, and by how busy the processors are second.
  if (on.shedding && options.queue_delay != nullptr)
    chain.push_back(queue_delay(*options.queue_delay, parts.metrics, parts.log, parts.clock));
  if (on.shedding && options.shedder != nullptr)
    chain.push_back(shedding(*options.shedder, parts.metrics, parts.log, parts.clock));
  // Before a byte of the body is read.
  if (options.rate_limit) chain.push_back(rate_limit(*options.rate_limit, parts.metrics, parts.log, parts.clock));
  // Behind the rate limit, so that guessing is limited too; and a stranger's body is not read.
  if (options.jwt) chain.push_back(authorize(*options.jwt, parts.metrics, parts.log, parts.clock));
  // Outside of timeout, unlike go-zero: an upload over a bad line is judged by its pace, the handler by its time.
  chain.push_back(max_body(body_bytes_max));
  // Behind the limit of what comes in, with the same limit for what that unpacks to. Everybody behind it sees plain bytes.
  if (on.gunzip) chain.push_back(gunzip(body_bytes_max));
  // The handler's time, and from here on its own fiber.
  if (on.timeout && options.timeout > Duration(0)) chain.push_back(timeout(options.timeout, parts.clock, parts.log));
  // Inside timeout: an exception must not leave the handler's fiber, and its 500 still comes in time.
  if (on.recover) chain.push_back(recover(parts.log));
  return chain;
}

Chain refusal_chain(const ChainParts& parts, const Switches& on) {
  // Not measured, as in go-zero: there is no pattern to count under, and paths are anybody's.
  Chain chain;
  if (on.trace) chain.push_back(trace_id(parts.ids));
  if (on.log) chain.push_back(access_log(parts.log, parts.clock));
  return chain;
}

}  // namespace sluice::http::middleware
