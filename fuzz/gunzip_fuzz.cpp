// SPDX-License-Identifier: MIT
//
// Bodies that come packed. The input is taken for a packed body as it is; and for a plain text that is packed here, so that
// a corpus is readable: then unpacking undoes packing, up to the limit and not beyond, no part of it is taken for the whole,
// and one byte that was changed is noticed or changes nothing.
#include <fuzz/target.hpp>

#include <algorithm>

#include <zlib.h>

#include <sluice/http/middleware/gunzip.hpp>
#include <sluice/http/request.hpp>
#include <sluice/http/response.hpp>

namespace {

using namespace sluice;
using namespace sluice::http;

constexpr std::size_t kInputMax = 1 << 14;
constexpr int kGzip = 16 + MAX_WBITS;

std::string packed(std::string_view text, int level) {
  z_stream stream{};
  fuzz::require(::deflateInit2(&stream, level, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib can pack");
  std::string out(::deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  fuzz::require(::deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib packs it all");
  out.resize(out.size() - stream.avail_out);
  ::deflateEnd(&stream);
  return out;
}

// What a handler behind gunzip(limit) makes of this body: the body, or the refusal.
Response unpack(std::string body, std::size_t limit) {
  Context ctx;
  Request request("POST", "/", std::move(body));
  request.headers().add("Content-Encoding", "gzip");
  Handler handler = middleware::gunzip(limit)([limit](Context&, const Request& unpacked) {
    fuzz::require(unpacked.body().size() <= limit, "nothing unpacks to more than the limit");
    return Response::text(std::string(unpacked.body()));
  });
  Response response = handler(ctx, request);
  fuzz::require(response.status == status::kOk || response.status == status::kBadRequest ||
                    response.status == status::kContentTooLarge, "a packed body is taken, malformed or too large");
  return response;
}

void check_packing(std::string_view plain) {
  fuzz::Choices choices(plain);
  const std::string good = packed(plain, static_cast<int>(choices.below(10)));
  Response whole = unpack(good, plain.size());
  fuzz::require(whole.status == status::kOk && whole.body == plain, "unpacking undoes packing");
  if (!plain.empty())
    fuzz::require(unpack(good, plain.size() - 1).status == status::kContentTooLarge, "one byte beyond the limit is too much");

  Response part = unpack(good.substr(0, choices.below(good.size())), plain.size());
  fuzz::require(part.status == status::kBadRequest, "a part is not taken for the whole");
  fuzz::require(unpack(good + "x", plain.size()).status == status::kBadRequest, "nothing may stand behind the end");

  std::string damaged = good;
  damaged[choices.below(damaged.size())] ^= static_cast<char>(1U << choices.below(8));
  Response changed = unpack(damaged, plain.size());
  fuzz::require(changed.status != status::kOk || changed.body == plain, "a changed byte is noticed or changes nothing");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes = fuzz::as_input(data, std::min(size, kInputMax));
  unpack(std::string(bytes), 1000);
  // A gzip header that is sound, so that what follows is taken for deflated blocks.
  unpack(std::string("\x1F\x8B\x08\0\0\0\0\0\0\x03", 10).append(bytes), 1000);
  check_packing(bytes);
  return 0;
}
