// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/default_chain.hpp>

#include <sluice/http/middleware/access_log.hpp>
#include <sluice/http/middleware/gunzip.hpp>
#include <sluice/http/middleware/max_body.hpp>
#include <sluice/http/middleware/metrics.hpp>
#include <sluice/http/middleware/rate_limit.hpp>
#include <sluice/http/middleware/recover.hpp>
#include <sluice/http/middleware/timeout.hpp>
#include <sluice/http/middleware/trace_id.hpp>

namespace sluice::http::middleware {

Chain default_chain(const ChainParts& parts, const ChainOptions& options) {
  Chain chain;
  // First: every refusal below still belongs to a trace.
  chain.push_back(trace_id(parts.ids));
  // Sees the final status and sizes, whoever decides them.
  chain.push_back(access_log(parts.log, parts.clock));
  // Inside the log only because of go-zero's order; between the two nothing happens.
  chain.push_back(metrics(parts.metrics, parts.clock));
  // The cheapest refusal: before a byte of the body is read or a fiber started.
  if (options.rate_limit) chain.push_back(rate_limit(*options.rate_limit, parts.clock));
  // Outside of timeout, unlike go-zero: an upload over a bad line is judged by its pace, the handler by its time.
  chain.push_back(max_body(options.body_bytes_max));
  // Behind the limit of what comes in, with the same limit for what that unpacks to. Everybody behind it sees plain bytes.
  chain.push_back(gunzip(options.body_bytes_max));
  // The handler's time, and from here on its own fiber.
  chain.push_back(timeout(options.timeout, parts.clock, parts.log));
  // Inside timeout: an exception must not leave the handler's fiber, and its 500 still comes in time.
  chain.push_back(recover(parts.log));
  return chain;
}

Chain refusal_chain(const ChainParts& parts) {
  // Not measured, as in go-zero: there is no pattern to count under, and paths are anybody's.
  return {trace_id(parts.ids), access_log(parts.log, parts.clock)};
}

}  // namespace sluice::http::middleware
