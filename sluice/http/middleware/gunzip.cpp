// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/gunzip.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <zlib.h>

#include <sluice/base/result.hpp>
#include <sluice/http/exchange.hpp>

namespace sluice::http::middleware {
namespace {

constexpr int kGzipOnly = 16 + MAX_WBITS;          // zlib's way of saying: a gzip header, the largest window
constexpr std::size_t kStep = std::size_t{64} << 10;  // grown by, so that a bomb is noticed before it has cost much

Error refuse(Code code, const char* reason, std::string detail) {
  return Error(code, std::move(detail)).because(reason).at("content-encoding");
}

class Inflater {
 public:
  Inflater() { is_ready_ = ::inflateInit2(&stream_, kGzipOnly) == Z_OK; }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() {
    if (is_ready_) ::inflateEnd(&stream_);
  }

  // `exchange`: whose memory it takes; null: nobody counts.
  Result<std::string> run(std::string_view packed, std::size_t limit, Exchange* exchange) {
    if (!is_ready_) return fail(Code::kResourceExhausted, "no memory to unpack a body");
    // zlib promises not to write to its input.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream_.avail_in = static_cast<uInt>(packed.size());
    std::string out;
    for (int code = Z_OK; code != Z_STREAM_END;) {
      std::size_t size = out.size();
      if (size > limit) return fail(refuse(Code::kInvalidArgument, "too-large", "unpacks to more than the limit"));
      out.resize(size + std::min(kStep, limit + 1 - size));
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + size);
      stream_.avail_out = static_cast<uInt>(out.size() - size);
      code = ::inflate(&stream_, Z_NO_FLUSH);
      out.resize(out.size() - stream_.avail_out);
      if (exchange != nullptr) SLUICE_TRY(exchange->hold_body(packed.size() + out.size()));
      bool is_stuck = code == Z_OK && stream_.avail_in == 0 && out.size() == size;
      if ((code != Z_OK && code != Z_STREAM_END) || is_stuck)
        return fail(refuse(Code::kInvalidArgument, "bad-gzip", "not gzip, or cut off"));
    }
    if (out.size() > limit) return fail(refuse(Code::kInvalidArgument, "too-large", "unpacks to more than the limit"));
    if (stream_.avail_in > 0) return fail(refuse(Code::kInvalidArgument, "bad-gzip", "something stands behind the end"));
    return out;
  }

 private:
  z_stream stream_{};
  bool is_ready_ = false;
};

Result<void> unpack(Request& request, std::size_t limit) {
  auto coding = request.headers().find("content-encoding");
  if (!coding || equal_ignoring_case(*coding, "identity")) return {};
  if (request.headers().count("content-encoding") > 1 ||
      !(equal_ignoring_case(*coding, "gzip") || equal_ignoring_case(*coding, "x-gzip")))
    return fail(refuse(Code::kInvalidArgument, "unsupported-media-type", "gzip or nothing"));
  SLUICE_TRY(std::string body, Inflater().run(request.body(), limit, request.exchange()));
  request.set_body(std::move(body));
  return {};
}

}  // namespace

Middleware gunzip(std::size_t limit) {
  return [limit](Handler next) -> Handler {
    return [limit, next = std::move(next)](Context& ctx, Request& request) -> Response {
      auto unpacked = unpack(request, limit);
      if (unpacked) return next(ctx, request);
      Problem problem = problem_of(unpacked.error());
      if (problem.status == status::kContentTooLarge) problem.limit = limit;
      Response response = to_response(problem);
      response.cause = std::move(unpacked).error();
      return response;
    };
  };
}

}  // namespace sluice::http::middleware
