// SPDX-License-Identifier: MIT
#include <sluice/observe/span.hpp>

#include <sluice/base/assert.hpp>
#include <sluice/observe/internal/hex.hpp>

namespace sluice::observe {
namespace {

// version "-" trace "-" span "-" flags, in hexadecimal digits: 2 + 1 + 32 + 1 + 16 + 1 + 2.
constexpr std::size_t kTraceAt = 3, kSpanAt = 36, kFlagsAt = 53, kLength = 55;
constexpr std::uint64_t kSampledFlag = 1;

/// Nothing if a character is not a lower-case hexadecimal digit. Requires: at most 16 digits.
std::optional<std::uint64_t> parse_hex(std::string_view digits) noexcept {
  std::uint64_t value = 0;
  for (char c : digits) {
    if (c >= '0' && c <= '9') {
      value = value << 4 | static_cast<std::uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value = value << 4 | static_cast<std::uint64_t>(c - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return value;
}

// Weyl sequence and finalizer of SplitMix64: each number of a stream occurs once in 2^64.
std::uint64_t mix(std::uint64_t seed, std::uint64_t number) noexcept {
  std::uint64_t z = seed + number * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

std::string to_hex(TraceId id) {
  std::string text(32, '0');
  internal::put_hex(internal::put_hex(text.data(), id.high), id.low);
  return text;
}

std::string to_hex(SpanId id) {
  std::string text(16, '0');
  internal::put_hex(text.data(), id.value);
  return text;
}

TraceId IdSource::next_trace() noexcept {
  // relaxed: draws need only differ.
  std::uint64_t number = drawn_.fetch_add(1, std::memory_order_relaxed);
  TraceId id{mix(seed_[0], number), mix(seed_[1], number)};
  return id == TraceId{} ? next_trace() : id;
}

SpanId IdSource::next_span() noexcept {
  // relaxed: draws need only differ.
  SpanId id{mix(seed_[1], drawn_.fetch_add(1, std::memory_order_relaxed))};
  return id == SpanId{} ? next_span() : id;
}

SpanContext SpanContext::root(IdSource& ids, bool sampled) noexcept {
  return {ids.next_trace(), ids.next_span(), sampled};
}

SpanContext SpanContext::child(IdSource& ids) const noexcept { return {trace, ids.next_span(), sampled}; }

std::optional<SpanContext> parse_traceparent(std::string_view header) noexcept {
  if (header.size() < kLength) return std::nullopt;
  if (header[kTraceAt - 1] != '-' || header[kSpanAt - 1] != '-' || header[kFlagsAt - 1] != '-') return std::nullopt;
  auto version = parse_hex(header.substr(0, 2));
  if (!version || *version == 0xff) return std::nullopt;
  // Version 00 ends here; a later one may go on, but only behind another dash.
  if (header.size() > kLength && (*version == 0 || header[kLength] != '-')) return std::nullopt;
  auto high = parse_hex(header.substr(kTraceAt, 16));
  auto low = parse_hex(header.substr(kTraceAt + 16, 16));
  auto span = parse_hex(header.substr(kSpanAt, 16));
  auto flags = parse_hex(header.substr(kFlagsAt, 2));
  if (!high || !low || !span || !flags) return std::nullopt;
  if ((*high == 0 && *low == 0) || *span == 0) return std::nullopt;
  return SpanContext{{*high, *low}, {*span}, (*flags & kSampledFlag) != 0};
}

std::array<char, 55> format_traceparent(const SpanContext& context) {
  SLUICE_ASSERT(context.trace != TraceId{} && context.span != SpanId{}, "a span has ids");
  constexpr std::string_view kShape = "00-00000000000000000000000000000000-0000000000000000-00";
  std::array<char, kLength> text;
  static_assert(kShape.size() == text.size());
  kShape.copy(text.data(), text.size());
  internal::put_hex(internal::put_hex(text.data() + kTraceAt, context.trace.high), context.trace.low);
  internal::put_hex(text.data() + kSpanAt, context.span.value);
  if (context.sampled) text.back() = '1';
  return text;
}

}  // namespace sluice::observe
