// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <sluice/base/result.hpp>
#include <sluice/http/body_budget.hpp>
#include <sluice/http/exchange.hpp>
#include <sluice/http/h1_body.hpp>
#include <sluice/http/h1_connection.hpp>
#include <sluice/http/h1_parser.hpp>
#include <sluice/http/h1_writer.hpp>
#include <sluice/http/http_date.hpp>
#include <sluice/http/internal/h2_preface.hpp>
#include <sluice/http/internal/session_shelf.hpp>
#include <sluice/http/request.hpp>
#include <sluice/http/response.hpp>
#include <sluice/net/stream.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::http::internal {

/// A connection while it has something to do: from the first bytes of a request until the input is used up and the replies
/// are written. It holds no memory before and after. h1_session.cpp begins with how.
/// Threads: one fiber, on whose stack it lives. Lifetime: borrows all that it is given.
class H1Session final : public Exchange {
 public:
  /// What stays of a connection from one session to the next.
  struct Kept {
    HttpDate date;
    bool skipped_empty_line = false;  // before the next request, which may have one
    Opening opening = Opening::kUndecided;  // what the connection's first bytes say
    bool has_heard = true;            // the client has come, or said something since the owner has set this to false
  };

  enum class End : std::uint8_t {
    kIdle,   ///< it is all answered, and nothing more is there
    kOver,   ///< so is the connection
    kHttp2,  ///< the client speaks HTTP/2: nothing has been said, and `input` is what has come of it
  };

  H1Session(net::Stream& stream, H1Service& service, Kept& kept)
      : stream_(stream), service_(service), kept_(kept), memory_(service.memory.take()), input_(memory_->input),
        output_(memory_->output), parser_(service.options.limits, kept.skipped_empty_line), request_(memory_->request),
        share_(service.bodies) {}

  ~H1Session() override {
    request_.clear();
    service_.memory.put(std::move(memory_));
  }

  /// Serves what has come. `ctx` is the requests' parent. `arrived`: when that was noticed; nothing if it was not. Parks.
  End serve(Context& ctx, Instant arrived);
  /// What has come and was not used. Good until the next call of another function.
  [[nodiscard]] std::string_view input() const noexcept { return input_.view(); }
  /// In place of serve: says why to whatever the client is asking. The connection is over.
  void turn_away(Context& ctx, const Error& why);

  Result<void> read_body(Context& ctx, std::size_t limit, std::string& body) override;
  Result<void> hold_body(std::size_t bytes) override;
  bool tend(Context& ctx) override;
  void answer_now(Context& ctx, Response& response) override;

 private:
  enum class Head : std::uint8_t { kComplete, kNone, kOver, kHttp2 };
  enum class BodyState : std::uint8_t { kNone, kUnread, kRead, kBroken };

  bool answer(Context& ctx);
  void forget_request() noexcept;
  Head read_head(Context& ctx);
  void look_at_opening() noexcept;
  Head look_for_request();
  bool await_head(Context& ctx, Context& head_limit);
  void refuse(Context& ctx, const Error& why);

  void reply(Context& ctx, Response& response);
  ReplyFacts facts_of(const Response& response);
  void put_body(Context& ctx, const Response& response, ReplyFacts::Body kind);
  void stream_body(Context& ctx, const Response& response, ReplyFacts::Body kind);
  void hand_over(Context& ctx, const Response& response);

  Result<void> decode_body(Context& ctx, std::uint64_t limit, std::string* body);
  Result<std::size_t> read_some_body(Context& ctx, H1BodyDecoder& decoder, std::string* body);
  [[nodiscard]] bool may_leave_body() const noexcept;
  bool discard_body(Context& ctx);

  Result<std::size_t> fill(Context& ctx);
  bool send(Context& ctx, std::string_view body = {});
  Result<void> write_paced(Context& ctx, std::string_view first, std::string_view second);
  void finish(Context& ctx);

  class Sink;

  net::Stream& stream_;
  H1Service& service_;
  Kept& kept_;
  std::unique_ptr<SessionMemory> memory_;
  InputBuffer& input_;
  std::string& output_;  // replies that have not been written yet

  bool was_answered_ = false;  // a request of this session: what arrived_ says was about that
  Instant arrived_;  // when the bytes were noticed that are in input_

  // Of the request at hand:
  H1RequestParser parser_;
  Request& request_;
  BodyShare share_;  // of the budget, for request_'s body
  BodyState body_state_ = BodyState::kNone;
  bool has_answered_ = false;

  bool stopping_ = false;     // the server takes no more requests
  bool closing_ = false;      // the reply that was given is the last one
  bool must_linger_ = false;  // the client may still be sending
  bool broken_ = false;       // nothing can be written any more
};

/// Who asked has gone, so nothing more can be said.
[[nodiscard]] Error client_gone();

}  // namespace sluice::http::internal
