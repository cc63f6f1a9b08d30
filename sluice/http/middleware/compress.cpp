// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/compress.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <zlib.h>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/go.hpp>

namespace sluice::http::middleware {
namespace {

constexpr int kPartialContent = 206;
constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;  // between two looks whether others should run: a millisecond

// "gzip;q=0.5": the weight of an item, without which it is 1; nothing if it is none (RFC 9110 §12.4.2).
std::optional<double> weight_of(std::string_view parameters) {
  std::size_t at = parameters.find("q=");
  if (at == parameters.npos) at = parameters.find("Q=");
  if (at == parameters.npos) return 1.0;
  std::string_view digits = parameters.substr(at + 2);
  double weight = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), weight, std::chars_format::fixed);
  if (error != std::errc() || weight < 0 || weight > 1) return std::nullopt;
  return weight;
}

bool accepts_gzip(const Headers& headers) {
  std::optional<double> named, any;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    auto [name, value] = headers[i];
    if (!equal_ignoring_case(name, "accept-encoding")) continue;
    std::string_view item;
    for (std::string_view list = value; next_list_item(list, item);) {
      std::size_t end = std::min(item.find_first_of("; \t"), item.size());
      std::string_view coding = item.substr(0, end);
      auto weight = weight_of(item.substr(end));
      if (!weight) continue;
      if (equal_ignoring_case(coding, "gzip") || equal_ignoring_case(coding, "x-gzip")) named = weight;
      if (coding == "*") any = weight;
    }
  }
  return named.value_or(any.value_or(0)) > 0;
}

bool is_compressible(std::string_view type) {
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  constexpr std::string_view kText = "text/";
  if (equal_ignoring_case(type.substr(0, kText.size()), kText)) return !equal_ignoring_case(type, "text/event-stream");
  for (std::string_view end : {"json", "xml", "javascript", "x-ndjson"})
    if (type.size() > end.size() && equal_ignoring_case(type.substr(type.size() - end.size()), end)) return true;
  return false;
}

bool may_be_packed(const Response& response, std::size_t bytes_min) {
  if (response.stream || response.take_over || response.status == kPartialContent || response.body.size() < bytes_min) return false;
  auto type = response.headers.find("content-type");
  return type && is_compressible(*type) && !response.headers.find("content-encoding") &&
         !response.headers.find("content-range") && !response.headers.has_token("cache-control", "no-transform");
}

// Nothing: it would not become smaller, or there is no memory for it.
std::optional<std::string> pack(std::string_view text, int level) {
  z_stream stream{};
  // As much memory as a text of this size can use.
  int window_bits = std::clamp(static_cast<int>(std::bit_width(text.size())), 9, MAX_WBITS);
  int memory_level = std::clamp(window_bits - 7, 1, 8);
  if (::deflateInit2(&stream, level, Z_DEFLATED, window_bits + 16, memory_level, Z_DEFAULT_STRATEGY) != Z_OK) return std::nullopt;
  std::string packed(text.size(), '\0');
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  int outcome = Z_OK;
  while (outcome == Z_OK && stream.avail_out > 0) {
    std::string_view piece = text.substr(0, kPieceBytes);
    text.remove_prefix(piece.size());
    // zlib promises not to write to its input.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream.avail_in = static_cast<uInt>(piece.size());
    outcome = ::deflate(&stream, text.empty() ? Z_FINISH : Z_NO_FLUSH);
    yield_if_asked();
  }
  packed.resize(packed.size() - stream.avail_out);
  ::deflateEnd(&stream);
  if (outcome != Z_STREAM_END) return std::nullopt;
  return packed;
}

void weaken_etag(Headers& headers) {
  auto tag = headers.find("etag");
  if (tag && !tag->starts_with("W/")) headers.set("ETag", "W/" + std::string(*tag));
}

Response packed(Response response, const Request& request, const CompressOptions& options) {
  if (!may_be_packed(response, options.bytes_min)) return response;
  response.headers.add("Vary", "Accept-Encoding");
  if (!accepts_gzip(request.headers())) return response;
  auto body = pack(response.body, options.level);
  if (!body) return response;
  response.body = *std::move(body);
  response.headers.add("Content-Encoding", "gzip");
  weaken_etag(response.headers);
  response.made = {};  // it has taken time
  return response;
}

}  // namespace

Middleware compress(CompressOptions options) {
  SLUICE_ASSERT(options.level >= 1 && options.level <= 9, "a level that zlib has");
  return [options](Handler next) -> Handler {
    return [options, next = std::move(next)](Context& ctx, Request& request) {
      return packed(next(ctx, request), request, options);
    };
  };
}

}  // namespace sluice::http::middleware
