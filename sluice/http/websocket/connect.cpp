// SPDX-License-Identifier: MIT
#include <sluice/http/websocket/connect.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include <sys/random.h>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>
#include <sluice/http/h1_limits.hpp>
#include <sluice/http/h1_parser.hpp>
#include <sluice/http/h1_writer.hpp>
#include <sluice/http/internal/input_buffer.hpp>
#include <sluice/http/origin.hpp>
#include <sluice/http/websocket/handshake.hpp>
#include <sluice/net/tcp.hpp>

namespace sluice::http::websocket {
namespace {

constexpr std::size_t kInputBytes = std::size_t{16} * 1024;  // fits the longest line that H1Limits allows

struct Target {
  net::HostPort server;
  std::string authority;  // as the URL has it, for Host
  std::string target;     // path and query
};

Result<Target> parse_url(std::string_view url) {
  constexpr std::string_view kScheme = "ws://";
  bool is_visible = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7F && c != '#'; });
  if (!is_visible || !equal_ignoring_case(url.substr(0, kScheme.size()), kScheme)) {
    return fail(Error(Code::kInvalidArgument, "wanted ws://host:port/path").because("bad-url").at("url"));
  }
  url.remove_prefix(kScheme.size());
  std::size_t end = std::min(url.find_first_of("/?"), url.size());
  std::string authority(url.substr(0, end));
  url.remove_prefix(end);
  std::string target(url.starts_with('/') ? "" : "/");
  target.append(url);
  SLUICE_TRY(Origin origin, parse_origin("http://" + authority, "url"));
  return Target{std::move(origin.server), std::move(authority), std::move(target)};
}

// A system call for so many masks, not for each. From a pool that the kernel has filled long before programs start, so it
// never waits (getrandom(2)).
class SystemEntropy {
 public:
  void operator()(std::span<std::byte> out) {
    for (std::byte& byte : out) {
      if (used_ == pool_.size()) refill();
      byte = std::exchange(pool_[used_++], std::byte{});
    }
  }

 private:
  void refill() {
    ssize_t count = ::getrandom(pool_.data(), pool_.size(), 0);
    SLUICE_ASSERT(count == static_cast<ssize_t>(pool_.size()), "up to 256 bytes come whole");
    used_ = 0;
  }

  std::array<std::byte, 256> pool_;
  std::size_t used_ = pool_.size();
};

Error bad_handshake() { return Error(Code::kUnavailable, "the answer to the handshake").because("bad-handshake"); }

Result<void> read_response(Context& ctx, net::Stream& stream, internal::InputBuffer& input, Response& response) {
  H1ResponseParser parser(H1Limits{}, false);
  for (;;) {
    auto step = parser.parse(input.view(), response);
    if (!step) return fail(bad_handshake());
    input.consume(step->consumed);
    if (step->done) return {};
    SLUICE_TRY(std::size_t count, stream.read(ctx, input.space()));
    if (count == 0) return fail(bad_handshake());
    input.commit(count);
  }
}

}  // namespace

Result<std::unique_ptr<Socket>> connect(Context& ctx, std::string_view url, ConnectOptions options) {
  SLUICE_TRY(Target place, parse_url(url));
  if (!options.entropy) options.entropy = SystemEntropy();
  auto stream = options.dial ? options.dial(ctx) : net::dial(ctx, place.server);
  if (!stream) return fail(std::move(stream).error());

  std::array<std::byte, 16> random;
  options.entropy(random);
  const std::string key = new_key(random);
  std::string output;
  append_request_head(output, opening_request(place.target, key, options.protocols, options.headers), place.authority, {});
  SLUICE_TRY((*stream)->write(ctx, as_bytes(output)));
  internal::InputBuffer input(kInputBytes);
  Response response;
  SLUICE_TRY(read_response(ctx, **stream, input, response));
  SLUICE_TRY(std::string protocol, check_response(response, key, options.protocols));

  Socket::Parts parts{.stream = **stream,
                      .side = Side::kClient,
                      .early = input.view(),
                      .protocol = std::move(protocol),
                      .entropy = std::move(options.entropy)};
  parts.owned = *std::move(stream);
  return Socket::open(std::move(parts), options.socket);
}

}  // namespace sluice::http::websocket
