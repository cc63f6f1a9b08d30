// SPDX-License-Identifier: MIT
#include <sluice/http/client.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include <sluice/base/bytes.hpp>
#include <sluice/http/h1_body.hpp>
#include <sluice/http/h1_parser.hpp>
#include <sluice/http/h1_writer.hpp>
#include <sluice/http/internal/idempotent.hpp>
#include <sluice/http/internal/input_buffer.hpp>
#include <sluice/http/span_key.hpp>
#include <sluice/net/tcp.hpp>
#include <sluice/net/tls.hpp>
#include <sluice/runtime/mutex.hpp>

namespace sluice::http {
namespace {

// Fits the longest line that H1Limits allows by default, and most answers whole.
constexpr std::size_t kInputBytes = std::size_t{16} * 1024;
constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;
// Interim answers before the final one; more is a server that plays with us.
constexpr int kInterimMax = 8;

Error lost(std::string_view what) { return Error(Code::kUnavailable, std::string(what)).because("connection-lost"); }

// What the server sent is at fault, not what our caller gave us.
Error as_peer_fault(const Error& why) {
  std::string detail("the answer was refused: ");
  detail.append(why.reason());
  if (why.reason() == "too-large") return Error(Code::kResourceExhausted, std::move(detail)).because("too-large");
  return Error(Code::kUnavailable, std::move(detail)).because("bad-response");
}

Headers trace_headers(Context& ctx) {
  Headers headers;
  if (const observe::SpanContext* span = ctx.get(kSpanKey)) {
    auto header = observe::format_traceparent(*span);
    headers.add("traceparent", {header.data(), header.size()});
  }
  return headers;
}

// One connection to the server and one exchange at a time on it.
class Connection {
 public:
  explicit Connection(std::unique_ptr<net::Stream> stream) : stream_(std::move(stream)) {}

  Result<Response> exchange(Context& ctx, const Request& request, std::string_view authority,
                            const ClientOptions& options) {
    has_answer_ = keeps_alive_ = false;
    auto sent = send(ctx, request, authority);
    // A server may answer before it has read all, and close: what it says is worth more than "broken pipe".
    auto response = receive(ctx, request.method() == "HEAD", options);
    if (!response && !has_answer_ && !sent) return fail(std::move(sent).error());
    keeps_alive_ = keeps_alive_ && sent.has_value();
    return response;
  }

  /// Nothing has come since the last answer: neither the server's end nor bytes that nobody asked for, which a careless
  /// client would take for its next answer. Never parks.
  [[nodiscard]] bool is_quiet() {
    if (stream_->peer_has_gone()) return false;
    auto count = stream_->try_read(input_.space());
    return count && !*count;
  }

  /// At least one byte of the last answer came.
  [[nodiscard]] bool has_answer() const noexcept { return has_answer_; }
  /// It may be used for the next exchange.
  [[nodiscard]] bool keeps_alive() const noexcept { return keeps_alive_; }

 private:
  Result<void> send(Context& ctx, const Request& request, std::string_view authority) {
    output_.clear();
    append_request_head(output_, request, authority, trace_headers(ctx));
    std::array<std::span<const std::byte>, 2> pieces{as_bytes(output_), as_bytes(request.body())};
    auto written = stream_->write(ctx, pieces);
    if (!written && !ctx.is_cancelled()) return fail(lost("send"));
    return written;
  }

  Result<Response> receive(Context& ctx, bool answers_head, const ClientOptions& options) {
    for (int interim = 0; interim <= kInterimMax; ++interim) {
      Response response;
      H1ResponseParser parser(options.limits, answers_head);
      SLUICE_TRY(read_head(ctx, parser, response));
      if (status::is_interim(response.status)) continue;
      SLUICE_TRY(read_body(ctx, parser.framing(), options, response.body));
      keeps_alive_ = parser.keeps_alive() && input_.is_empty();
      return response;
    }
    return fail(Error(Code::kUnavailable).because("bad-response"));
  }

  Result<void> read_head(Context& ctx, H1ResponseParser& parser, Response& response) {
    for (;;) {
      auto step = parser.parse(input_.view(), response);
      if (!step) return fail(as_peer_fault(step.error()));
      input_.consume(step->consumed);
      if (step->done) return {};
      SLUICE_TRY(bool is_open, fill(ctx));
      if (!is_open) return fail(lost("the server closed before it had answered"));
    }
  }

  Result<void> read_body(Context& ctx, const H1Framing& framing, const ClientOptions& options, std::string& body) {
    H1BodyDecoder decoder(framing, options.limits, options.body_bytes_max);
    for (;;) {
      auto step = decoder.decode(input_.view(), &body);
      if (!step) return fail(as_peer_fault(step.error()));
      input_.consume(step->consumed);
      if (step->done) return {};
      SLUICE_TRY(bool is_open, fill(ctx));
      if (is_open) continue;
      if (framing.kind == H1Framing::Kind::kUntilClose) return {};
      return fail(lost("the server closed within its answer"));
    }
  }

  // False: the server has closed its side.
  Result<bool> fill(Context& ctx) {
    auto count = stream_->read(ctx, input_.space());
    if (!count) {
      if (ctx.is_cancelled()) return fail(std::move(count).error());
      return fail(lost("receive"));
    }
    input_.commit(*count);
    has_answer_ = has_answer_ || *count > 0;
    return *count > 0;
  }

  const std::unique_ptr<net::Stream> stream_;
  internal::InputBuffer input_{kInputBytes};
  std::string output_;
  bool has_answer_ = false;
  bool keeps_alive_ = false;
};

std::string authority_of(const Origin& origin) {
  const net::HostPort& server = origin.server;
  std::string host = server.host.contains(':') ? "[" + server.host + "]" : server.host;
  bool has_usual_port = server.port == (origin.is_secure ? kHttpsPort : kHttpPort);
  return has_usual_port ? host : host + ":" + std::to_string(server.port);
}

// shared_ptr: co-owners are the copies of the dialer.
Dialer secure_dialer(net::HostPort server, std::shared_ptr<const net::TlsClientContext> tls) {
  return [server = std::move(server), tls = std::move(tls)](Context& ctx) -> Result<std::unique_ptr<net::Stream>> {
    SLUICE_TRY(auto stream, net::dial(ctx, server));
    return net::tls_connect(ctx, std::move(stream), *tls, server.host);
  };
}

}  // namespace

// The free connections; the one used last is taken first, so that a crowd's surplus grows old and goes.
class Client::Pool {
 public:
  Pool(std::string authority, Dialer dial, Clock& clock, ClientOptions options)
      : authority_(std::move(authority)), dial_(std::move(dial)), clock_(clock), options_(std::move(options)) {}

  Result<Response> send(Context& ctx, const Request& request) {
    if (auto kept = take_quiet()) {
      auto response = kept->exchange(ctx, request, authority_, options_);
      bool was_stale = !response && !kept->has_answer() && !ctx.is_cancelled();
      if (!was_stale || !internal::is_idempotent(request.method())) return settle(std::move(kept), std::move(response));
    }
    SLUICE_TRY(auto stream, dial_(ctx));
    auto fresh = std::make_unique<Connection>(std::move(stream));
    auto response = fresh->exchange(ctx, request, authority_, options_);
    return settle(std::move(fresh), std::move(response));
  }

  void close_idle() {
    std::vector<Idle> closing;
    std::lock_guard hold(mutex_);
    closing.swap(idle_);
  }

 private:
  struct Idle {
    std::unique_ptr<Connection> connection;
    Instant since;
  };

  // Keeps the connection if it can serve again.
  Result<Response> settle(std::unique_ptr<Connection> connection, Result<Response> response) {
    if (response && connection->keeps_alive()) give_back(std::move(connection));
    return response;
  }

  // The one used last that can still be used; null: a new one is needed. Finding that out costs a look at the socket and
  // spares those who may not repeat their request most of the connections that died while they idled.
  std::unique_ptr<Connection> take_quiet() {
    while (auto kept = take()) {
      if (kept->is_quiet()) return kept;
    }
    return nullptr;
  }

  std::unique_ptr<Connection> take() {
    std::vector<Idle> closing;  // destroyed after the lock is released
    Instant now = clock_.now();
    std::lock_guard hold(mutex_);
    drop_old_unlocked(now, closing);
    if (idle_.empty()) return nullptr;
    auto connection = std::move(idle_.back().connection);
    idle_.pop_back();
    return connection;
  }

  void give_back(std::unique_ptr<Connection> connection) {
    std::vector<Idle> closing;  // destroyed after the lock is released
    Instant now = clock_.now();
    std::lock_guard hold(mutex_);
    drop_old_unlocked(now, closing);
    if (idle_.size() < options_.idle_max) idle_.push_back({std::move(connection), now});
  }

  void drop_old_unlocked(Instant now, std::vector<Idle>& closing) {
    auto is_young = [&](const Idle& idle) { return now - idle.since <= options_.idle_time; };
    auto young = std::find_if(idle_.begin(), idle_.end(), is_young);
    std::move(idle_.begin(), young, std::back_inserter(closing));
    idle_.erase(idle_.begin(), young);
  }

  const std::string authority_;
  const Dialer dial_;
  Clock& clock_;
  const ClientOptions options_;
  Mutex mutex_{LockRank::kHttp};
  std::vector<Idle> idle_;  // guarded by mutex_; newest last
};

Result<std::unique_ptr<Client>> Client::open(Context& ctx, const Origin& origin, Clock& clock, ClientOptions options) {
  if (!origin.is_secure) return std::make_unique<Client>(origin.server, clock, std::move(options));
  SLUICE_TRY(auto tls, net::TlsClientContext::load(ctx, {.ca_file = options.ca_file, .alpn = {"http/1.1"}}));
  return std::make_unique<Client>(authority_of(origin), secure_dialer(origin.server, std::move(tls)), clock,
                                  std::move(options));
}

Client::Client(const net::HostPort& server, Clock& clock, ClientOptions options)
    : Client(authority_of({.is_secure = false, .server = server}), [server](Context& ctx) { return net::dial(ctx, server); }, clock, std::move(options)) {}

Client::Client(std::string authority, Dialer dial, Clock& clock, ClientOptions options)
    : pool_(std::make_unique<Pool>(std::move(authority), std::move(dial), clock, std::move(options))) {}

Client::~Client() = default;

Result<Response> Client::send(Context& ctx, const Request& request) { return pool_->send(ctx, request); }

void Client::close_idle() { pool_->close_idle(); }

}  // namespace sluice::http
