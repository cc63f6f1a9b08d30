// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::observe {

/// Names one request on its way through all services. All zero is no trace.
struct TraceId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend constexpr bool operator==(TraceId, TraceId) noexcept = default;
};
/// Names one step of a trace. Zero is none.
struct SpanId {
  std::uint64_t value = 0;
  friend constexpr bool operator==(SpanId, SpanId) noexcept = default;
};

/// 32 and 16 lower-case hexadecimal digits, as in headers and log lines.
[[nodiscard]] std::string to_hex(TraceId id);
[[nodiscard]] std::string to_hex(SpanId id);

/// Where ids come from: random enough never to repeat, far too predictable to be a secret.
/// Seed it with 128 bits of real randomness in `main`, with a constant in tests: equal seeds give equal ids.
/// Threads: any; one atomic addition an id. No two calls on one source give the same span id.
/// Source: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), one stream per half of a trace id over a shared counter.
class IdSource {
 public:
  explicit IdSource(std::array<std::uint64_t, 2> seed) noexcept : seed_(seed) {}

  /// Never all zero.
  [[nodiscard]] TraceId next_trace() noexcept;
  /// Never zero.
  [[nodiscard]] SpanId next_span() noexcept;

 private:
  std::array<std::uint64_t, 2> seed_;
  std::atomic<std::uint64_t> drawn_{0};  // ids drawn so far, by anyone; a number by itself, publishes nothing
};

/// The place of one step in its trace: what `traceparent` carries from caller to callee.
///
///   auto remote = parse_traceparent(header);                          // empty: no header, or a broken one
///   SpanContext span = remote ? remote->child(ids) : SpanContext::root(ids, /*sampled=*/true);
///   auto header = format_traceparent(span.child(ids));
///   downstream.set("traceparent", {header.data(), header.size()});
struct SpanContext {
  TraceId trace;
  SpanId span;
  bool sampled = false;  ///< the caller records it; a callee follows (parent-based sampling)

  /// A new trace's first step.
  [[nodiscard]] static SpanContext root(IdSource& ids, bool sampled) noexcept;
  /// The next step down: same trace, same decision to sample, a span id of its own.
  [[nodiscard]] SpanContext child(IdSource& ids) const noexcept;
  friend constexpr bool operator==(const SpanContext&, const SpanContext&) noexcept = default;
};

/// Nothing if the header is malformed: then the receiver starts a new trace, it does not refuse the request. A later
/// version than 00 is read as far as 00 goes. Flags other than "sampled" are dropped, as the recommendation asks.
/// Source: W3C Trace Context, §3.2.
[[nodiscard]] std::optional<SpanContext> parse_traceparent(std::string_view header) noexcept;
/// "00-<trace>-<span>-01": characters without an end. Requires: neither id is zero.
[[nodiscard]] std::array<char, 55> format_traceparent(const SpanContext& context);

}  // namespace sluice::observe
