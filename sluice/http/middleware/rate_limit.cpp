// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/rate_limit.hpp>

#include <chrono>
#include <memory>
#include <utility>

#include <sluice/base/clock.hpp>
#include <sluice/governance/keyed_buckets.hpp>
#include <sluice/governance/token_bucket.hpp>

namespace sluice::http::middleware {
namespace {

std::string whole_seconds(Duration length) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(length).count());
}

void tell_quota(Headers& headers, const governance::RateLimit& limit, const governance::Decision& decision) {
  headers.set("RateLimit-Limit", std::to_string(limit.burst));
  headers.set("RateLimit-Remaining", std::to_string(decision.remaining));
  headers.set("RateLimit-Reset", whole_seconds(decision.reset_after));
}

Response refuse(const governance::Decision& decision) {
  return to_response(Problem{
      .status = status::kTooManyRequests, .code = "rate-limited", .retry_after = decision.retry_after});
}

// `take`: (Context&, const Request&) -> Decision.
template <class Take>
Middleware limited_by(const governance::RateLimit& limit, Take take) {
  return [limit, take](Handler next) -> Handler {
    return [limit, take, next = std::move(next)](Context& ctx, Request& request) -> Response {
      governance::Decision decision = take(ctx, request);
      tell_quota(request.reply_headers(), limit, decision);
      return decision.allowed ? next(ctx, request) : refuse(decision);
    };
  };
}

}  // namespace

Middleware rate_limit(const governance::RateLimit& limit, Clock& clock) {
  // shared_ptr: all that this middleware is wrapped around, and their copies, take from the one bucket.
  return limited_by(limit, [bucket = std::make_shared<governance::TokenBucket>(limit), &clock](
                               Context&, const Request&) { return bucket->try_take(clock.now()); });
}

Middleware rate_limit(governance::KeyedBuckets& buckets, KeyOf key_of, Clock& clock) {
  return limited_by(buckets.limit(), [&buckets, key_of = std::move(key_of), &clock](
                                         Context& ctx, const Request& request) {
    return buckets.try_take(key_of(ctx, request), clock.now());
  });
}

}  // namespace sluice::http::middleware
