// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/trace_id.hpp>

#include <optional>
#include <string_view>
#include <utility>

#include <sluice/http/span_key.hpp>
#include <sluice/observe/span.hpp>

namespace sluice::http::middleware {
namespace {

observe::SpanContext place_of(const Request& request, observe::IdSource& ids) {
  std::optional<observe::SpanContext> caller;
  if (auto header = request.headers().find("traceparent")) caller = observe::parse_traceparent(*header);
  return caller ? caller->child(ids) : observe::SpanContext::root(ids, /*sampled=*/true);
}

}  // namespace

Middleware trace_id(observe::IdSource& ids) {
  return [&ids](Handler next) -> Handler {
    return [&ids, next = std::move(next)](Context& ctx, Request& request) {
      observe::SpanContext span = place_of(request, ids);
      auto header = observe::format_traceparent(span);
      request.reply_headers().set("Traceparent", {header.data(), header.size()});
      ctx.set(kSpanKey, span);
      return next(ctx, request);
    };
  };
}

}  // namespace sluice::http::middleware
