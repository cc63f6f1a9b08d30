// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/rate_limit.hpp>

#include <chrono>
#include <memory>
#include <utility>

#include <sluice/base/clock.hpp>
#include <sluice/governance/keyed_buckets.hpp>
#include <sluice/governance/token_bucket.hpp>
#include <sluice/http/middleware/refuser.hpp>

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

// `take`: (Context&, const Request&) -> Decision.
template <class Take>
Middleware limited_by(const governance::RateLimit& limit, Take take, std::shared_ptr<Refuser> refuser) {
  return [limit, take, refuser](Handler next) -> Handler {
    return [limit, take, refuser, next = std::move(next)](Context& ctx, Request& request) -> Response {
      governance::Decision decision = take(ctx, request);
      tell_quota(request.reply_headers(), limit, decision);
      if (decision.allowed) return next(ctx, request);
      return refuser->refuse(request, decision.retry_after, status::kTooManyRequests);
    };
  };
}

// shared_ptr, here and below: all that a middleware is wrapped around, and their copies, have one of them.
std::shared_ptr<Refuser> make_refuser(observe::Registry& metrics, observe::Logger& log, Clock& clock) {
  return std::make_shared<Refuser>("rate-limited", metrics, log, clock);
}

}  // namespace

Middleware rate_limit(const governance::RateLimit& limit, observe::Registry& metrics, observe::Logger& log, Clock& clock) {
  auto take = [bucket = std::make_shared<governance::TokenBucket>(limit), &clock](Context&, const Request&) {
    return bucket->try_take(clock.now());
  };
  return limited_by(limit, take, make_refuser(metrics, log, clock));
}

Middleware rate_limit(governance::KeyedBuckets& buckets, KeyOf key_of, observe::Registry& metrics, observe::Logger& log,
                      Clock& clock) {
  auto take = [&buckets, key_of = std::move(key_of), &clock](Context& ctx, const Request& request) {
    return buckets.try_take(key_of(ctx, request), clock.now());
  };
  return limited_by(buckets.limit(), take, make_refuser(metrics, log, clock));
}

}  // namespace sluice::http::middleware
