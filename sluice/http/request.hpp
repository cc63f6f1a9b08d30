// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/http/headers.hpp>
#include <sluice/net/address.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::http {

class Exchange;

enum class Version : std::uint8_t { kHttp10, kHttp11, kHttp2 };

/// What a client asks for. A server's connection fills one and uses it again for the next; a client or a test makes one:
///
///   Request request("POST", "/v1/studies/DEMO/submissions", body);
///   request.headers().add("content-type", "application/json");
///
/// Handlers read it. The few that may change it say so (the router, and middlewares outside of `timeout`): a handler that
/// is late is still reading while the reply is on its way.
/// Threads: any number read; a change needs the request alone. Lifetime: the views it gives are good until it changes.
class Request {
 public:
  Request() = default;
  /// Requires: `method` is a token; `target` is not empty and has visible ASCII characters only (percent_encode the rest).
  Request(std::string_view method, std::string_view target, std::string body = {});

  [[nodiscard]] std::string_view method() const noexcept { return method_; }
  /// As sent: "/v1/receipts/7?full=1", "http://host/v1/receipts/7", or "*".
  [[nodiscard]] std::string_view target() const noexcept { return target_; }
  /// The target's path as sent, percent-encoded: "/v1/receipts/7"; "/" if the target has none.
  [[nodiscard]] std::string_view path() const noexcept;
  /// What follows the first '?', as sent; empty if nothing does.
  [[nodiscard]] std::string_view query() const noexcept;
  /// The first value of this name in the query, decoded; empty if it stands there without one. Nothing if it is not
  /// there or is malformed.
  [[nodiscard]] std::optional<std::string> query_value(std::string_view name) const;
  [[nodiscard]] Version version() const noexcept { return version_; }
  [[nodiscard]] const Headers& headers() const noexcept { return headers_; }
  [[nodiscard]] Headers& headers() noexcept { return headers_; }

  /// Reads the body into memory, unless that has been done. Parks while it comes in. The connection limits its pace: one
  /// that trickles is kDeadlineExceeded `slow-body`. kInvalidArgument: `too-large` (more than `limit` bytes; the rest is
  /// not read), or a chunk is malformed.
  Result<void> read_body(Context& ctx, std::size_t limit);
  /// From now on a body that nobody has read cannot be read any more: read_body is kInternal. For who lets another fiber
  /// use the request, which must not use the connection.
  void seal_body() noexcept { body_is_sealed_ = true; }
  /// What read_body has read; all of it or nothing.
  [[nodiscard]] std::string_view body() const noexcept { return body_; }
  /// The fields that stood behind the body, once it has been read. Over HTTP/1.1 they are checked and dropped.
  [[nodiscard]] const Headers& trailers() const noexcept { return trailers_; }

  /// The pattern of the route that the router has found, "/v1/receipts/:id"; empty if there is none. For logs and
  /// metrics, where the path itself would be somebody's data.
  [[nodiscard]] std::string_view pattern() const noexcept { return route_ ? std::string_view(route_->pattern) : ""; }
  /// The decoded value of a path variable; empty if the pattern has none of this name (a value is never empty).
  [[nodiscard]] std::string_view variable(std::string_view name) const noexcept;

  /// Fields that every reply to this request carries, whoever makes it: a trace id, what is left of a quota.
  [[nodiscard]] const Headers& reply_headers() const noexcept { return reply_headers_; }
  [[nodiscard]] Headers& reply_headers() noexcept { return reply_headers_; }

  /// When its first bytes were noticed, so that now less this is how long it waited for its turn. Zero for one made by hand.
  [[nodiscard]] Instant arrived() const noexcept { return arrived_; }
  /// When it was taken up: its connection has looked at the clock for all who measure; for one made by hand they look.
  [[nodiscard]] Instant begun(const Clock& clock) const noexcept { return begun_ == Instant() ? clock.now() : begun_; }

  /// The connection that it came on; null for one that a client or a test has made.
  [[nodiscard]] Exchange* exchange() const noexcept { return exchange_; }
  /// The other end of that connection; all zero if there is none.
  [[nodiscard]] net::Address peer() const noexcept { return peer_; }

  // For the codec and the router.

  /// What the router knows of a route and requests refer to; it outlives them.
  struct Route {
    std::string pattern;
    std::vector<std::string> variable_names;
  };
  /// Makes it as new but keeps its memory, up to a bound.
  void clear();
  /// Of a head; what clear() keeps.
  [[nodiscard]] std::size_t kept_bytes() const noexcept;
  void set_start_line(std::string_view method, std::string_view target, Version version);
  void set_body(std::string body) noexcept { body_ = std::move(body); }
  void set_trailers(Headers trailers) noexcept { trailers_ = std::move(trailers); }
  /// Requires: as many values as the route has names.
  void set_route(const Route& route, std::span<const std::string_view> values);
  void set_route(const Route& route, std::initializer_list<std::string_view> values) {
    set_route(route, std::span(values.begin(), values.size()));
  }
  /// `pending`: its body is still to be read from `exchange`.
  void set_times(Instant arrived, Instant begun) noexcept {
    arrived_ = arrived;
    begun_ = begun;
  }
  void set_exchange(Exchange& exchange, const net::Address& peer, bool body_is_pending) noexcept;

 private:
  std::string method_;
  std::string target_;
  std::size_t path_at_ = 0;    // where the path begins in target_
  std::size_t path_size_ = 0;
  Version version_ = Version::kHttp11;
  bool body_is_pending_ = false;
  bool body_is_sealed_ = false;
  Headers headers_;
  Headers reply_headers_;
  std::string body_;
  Headers trailers_;
  const Route* route_ = nullptr;  // null: none was found
  std::vector<std::string> variables_;
  Exchange* exchange_ = nullptr;  // null: made by hand
  net::Address peer_;
  Instant arrived_;
  Instant begun_;
};

}  // namespace sluice::http
