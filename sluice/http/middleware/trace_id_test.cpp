// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/trace_id.hpp>

#include <optional>

#include <gtest/gtest.h>

#include <sluice/http/span_key.hpp>
#include <sluice/observe/span.hpp>

namespace sluice::http::middleware {
namespace {

constexpr std::string_view kCallersTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr std::string_view kCallersSpan = "00f067aa0ba902b7";

struct Seen {
  std::optional<observe::SpanContext> span;
  std::string reply_header;
};

// What the handler and the client see of a request with this header; no header if it is empty.
Seen serve(std::string_view traceparent, observe::IdSource& ids) {
  Seen seen;
  Handler handler = trace_id(ids)([&](Context& ctx, const Request&) {
    if (const observe::SpanContext* span = ctx.get(kSpanKey)) seen.span = *span;
  });
  Context ctx;
  Request request("GET", "/");
  if (!traceparent.empty()) request.headers().add("TraceParent", traceparent);
  static_cast<void>(handler(ctx, request));
  seen.reply_header = request.reply_headers().find("traceparent").value_or("");
  return seen;
}

std::string traceparent(std::string_view flags) {
  return "00-" + std::string(kCallersTrace) + "-" + std::string(kCallersSpan) + "-" + std::string(flags);
}

TEST(TraceIdMiddleware, GoesOnWithTheCallersTrace) {
  observe::IdSource ids({1, 2});
  Seen seen = serve(traceparent("01"), ids);
  ASSERT_TRUE(seen.span);
  EXPECT_EQ(to_hex(seen.span->trace), kCallersTrace);
  EXPECT_NE(to_hex(seen.span->span), kCallersSpan);  // a step of its own
  EXPECT_TRUE(seen.span->sampled);
  auto header = observe::format_traceparent(*seen.span);
  EXPECT_EQ(seen.reply_header, std::string_view(header.data(), header.size()));
  EXPECT_FALSE(serve(traceparent("00"), ids).span->sampled);
}

TEST(TraceIdMiddleware, BeginsATraceIfTheCallerHasNoneThatIsSound) {
  observe::IdSource ids({1, 2});
  const std::string zeros = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
  for (std::string_view header : {std::string_view(), std::string_view("nonsense"), std::string_view(zeros)}) {
    Seen seen = serve(header, ids);
    ASSERT_TRUE(seen.span) << header;
    EXPECT_NE(to_hex(seen.span->trace), kCallersTrace);
    EXPECT_NE(seen.span->trace, observe::TraceId{});
    EXPECT_TRUE(seen.span->sampled);
  }
}

TEST(TraceIdMiddleware, GivesEveryRequestItsOwn) {
  observe::IdSource ids({1, 2});
  EXPECT_NE(serve("", ids).span->trace, serve("", ids).span->trace);
}

}  // namespace
}  // namespace sluice::http::middleware
