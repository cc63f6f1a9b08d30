// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sluice/base/result.hpp>
#include <sluice/http/body_budget.hpp>
#include <sluice/http/exchange.hpp>
#include <sluice/http/internal/h2_head.hpp>
#include <sluice/http/request.hpp>
#include <sluice/http/response.hpp>
#include <sluice/runtime/cond.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::http::internal {

class H2Session;

/// One request and its reply: a stream in the words of RFC 9113.
///
///   head ──complete──▶ fiber: handler ──▶ reply ──fiber leaves──▶ sent ──▶ closed
///    │ refused                                                     ▲
///    └──────────────────▶ reply ───────────────────────────────────┘
///
/// The fiber does not wait until a reply has left, unless it makes it piece by piece: a slow client holds a reply, not a
/// stack. Closed it may be at any time, by the client or with the connection; then its context ends, and it is destroyed when
/// both it is closed and the fiber has left.
/// Threads: its fiber, and whoever is in a callback of nghttp2; the session's mutex guards what both touch.
class H2Stream final : public Exchange {
 public:
  /// `uncounted_bytes` of its body are not counted in the budget.
  H2Stream(H2Session& session, std::int32_t id, std::size_t uncounted_bytes);

  /// Has the request answered. On a fiber of its own; destroys the stream if it has been closed.
  void serve();

  Result<void> read_body(Context& ctx, std::size_t limit, std::string& body) override;
  Result<void> hold_body(std::size_t bytes) override;
  bool tend(Context& ctx) override;
  void answer_now(Context& ctx, Response& response) override;

 private:
  friend class H2Session;
  class Sink;

  bool reply(Response& response);
  Result<void> take_body(Context& ctx, std::size_t limit, std::string& body);
  Result<void> await_body(Context& ctx);
  Result<void> write_piece(Context& ctx, std::string_view piece);
  void make_body(const Response::Stream& stream);

  // Below: with the session's mutex locked.
  void begin_request_unlocked();
  void take_unlocked(std::string_view bytes);
  void give_up_body_unlocked(Error why);
  void end_input_unlocked();
  void reply_unlocked(Response& response);
  void close_unlocked(Error why);
  [[nodiscard]] bool is_waiting_to_send_unlocked() const noexcept { return has_answered_ && !closed_ && !pending_.empty(); }

  H2Session& session_;
  const std::int32_t id_;
  Context ctx_;
  Request request_;  // the fiber's once it has been started
  Cond changed_;     // the fiber waits: for the body, for room to send

  // All guarded by the session's mutex.
  H2Head head_;
  bool has_head_ = false;
  bool has_fiber_ = false;  // started, or about to be
  bool closed_ = false;     // nghttp2 does not know it any more

  BodyShare share_;
  std::string inbox_;              // of the body, what has come before somebody reads it
  std::string* taker_ = nullptr;   // where it goes when somebody does
  std::size_t taker_limit_ = 0;
  std::optional<Error> body_error_;  // the body is given up, and dropped as it comes
  std::size_t arrived_ = 0;          // bytes of the body
  bool input_ended_ = false;
  Headers trailers_;

  bool has_answered_ = false;
  bool is_whole_ = false;       // of the reply, nothing follows pending_
  std::string body_;            // of the reply, unless it is streamed
  std::string_view pending_;    // what is to be sent next, of body_ or of a piece that write_piece was given
  Headers reply_trailers_;
  bool is_sent_ = false;
  int status_ = 0;
  std::size_t sent_ = 0;        // bytes of the reply's body
  std::size_t sent_before_ = 0; // sent_ at the last inspection
  bool was_waiting_ = false;    // at the last inspection
  bool is_our_fault_ = false;   // that it is reset
};

}  // namespace sluice::http::internal
