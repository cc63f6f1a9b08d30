// SPDX-License-Identifier: MIT
//
// The life of a connection:
//
//   idle ──first byte──▶ head ──complete──▶ handler ──▶ reply ──▶ idle, or the next head that lies in the input already
//    │                    │ refused, late                 │ last one
//    └──▶ close           └──▶ reply ──▶ linger ◀─────────┘ (if the client may still be sending)
//
// One read brings as many requests as it can; replies gather in output_ and leave in one write when the input is used up,
// so a request alone costs one of each. The body is read when somebody asks for it, which is how a request that is
// refused by its head costs nothing more.
//
// Lingering: closing a socket while bytes of the client are unread makes the kernel send a reset, which may overtake the
// reply and hide why it was refused (RFC 9112 §9.6). So we end our direction, read on for a moment, and then close.
#include <sluice/http/h1_connection.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>
#include <sluice/http/exchange.hpp>
#include <sluice/http/h1_body.hpp>
#include <sluice/http/h1_parser.hpp>
#include <sluice/http/h1_writer.hpp>
#include <sluice/http/http_date.hpp>
#include <sluice/http/internal/input_buffer.hpp>
#include <sluice/http/internal/pace.hpp>

namespace sluice::http {
namespace {

// A client that is still sending gets this long, and may send this much, to notice that it was answered.
constexpr Duration kLingerTime = std::chrono::seconds(2);
constexpr std::size_t kLingerBytes = std::size_t{256} * 1024;
// An idle connection keeps an output buffer of this size at most; larger ones come back with the next large reply.
constexpr std::size_t kKeptOutputBytes = 4096;
// So much of a body comes through the input buffer, which is there anyway. What follows is read straight to where it
// belongs, into the room that is there; only when that is full, it is doubled. So memory follows what has come, not what
// was announced, for one short read more at each doubling.
constexpr std::size_t kBufferedBodyBytes = H1Connection::kInputBytes;

// What is left of two pieces after `sent` bytes.
std::array<std::span<const std::byte>, 2> rest_of(std::string_view first, std::string_view second, std::size_t sent) {
  std::size_t of_first = std::min(sent, first.size());
  return {as_bytes(first.substr(of_first)), as_bytes(second.substr(sent - of_first))};
}

// No middleware stands around a stream, so what a user's function throws has to end here: it costs this connection.
Result<void> run_stream(Context& ctx, const Response::Stream& stream, BodyWriter& out) {
  try {
    return stream(ctx, out);
  } catch (...) {
    return fail(Code::kInternal, "the stream of a reply threw");
  }
}

Error client_gone() { return Error(Code::kCancelled).because("client-gone"); }

}  // namespace

class H1Connection::Session final : public Exchange {
 public:
  Session(net::Stream& stream, const H1Options& options, const Handler& handler, Clock& clock,
          RefusalObserver& refusals, BodyBudget* bodies)
      : stream_(stream), options_(options), handler_(handler), clock_(clock), refusals_(refusals),
        parser_(options.limits), share_(bodies) {}

  void serve(Context& ctx, Context& accepting);
  void turn_away(Context& ctx, const Error& why);

  Result<void> read_body(Context& ctx, std::size_t limit, std::string& body) override;
  Result<void> hold_body(std::size_t bytes) override;
  bool tend(Context& ctx) override;
  void answer_now(Context& ctx, Response& response) override;

 private:
  enum class BodyState { kNone, kUnread, kRead, kBroken };

  bool serve_next(Context& ctx, Context& accepting);
  void forget_request() noexcept;
  bool read_head(Context& ctx, Context& accepting);
  bool await_request(Context& accepting);
  bool await_head(Context& ctx, Context& head_limit);
  void refuse(Context& ctx, const Error& why);

  void reply(Context& ctx, Response& response);
  ReplyFacts facts_of(const Response& response);
  void put_body(Context& ctx, const Response& response, ReplyFacts::Body kind);
  void stream_body(Context& ctx, const Response& response, ReplyFacts::Body kind);

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
  const H1Options& options_;
  const Handler& handler_;
  Clock& clock_;
  RefusalObserver& refusals_;

  internal::InputBuffer input_{kInputBytes};
  std::string output_;  // replies that have not been written yet
  HttpDate date_;

  // Of the request at hand:
  H1RequestParser parser_;
  Request request_;
  BodyShare share_;  // of the budget, for request_'s body
  BodyState body_state_ = BodyState::kNone;
  bool has_answered_ = false;

  bool stopping_ = false;    // the server takes no more requests
  bool closing_ = false;     // the reply that was given is the last one
  bool must_linger_ = false; // the client may still be sending
  bool broken_ = false;      // nothing can be written any more
};

// A streamed body, each piece written at once: the caller decides how much that is. What is more than the output buffer is
// meant to hold goes out in parts.
class H1Connection::Session::Sink final : public BodyWriter {
 public:
  Sink(Session& session, bool chunked) : session_(session), chunked_(chunked) {}

  Result<void> write(Context& ctx, std::string_view piece) override {
    SLUICE_TRY(ctx.check());
    while (!piece.empty()) {
      std::string_view part = piece.substr(0, kOutputBytes);
      piece.remove_prefix(part.size());
      if (chunked_) {
        append_chunk(session_.output_, part);
      } else {
        session_.output_.append(part);
      }
      if (!session_.send(ctx)) return fail(client_gone());
    }
    return {};
  }

 private:
  Session& session_;
  const bool chunked_;
};

H1Connection::H1Connection(net::Stream& stream, const H1Options& options, const Handler& handler, Clock& clock,
                           RefusalObserver& refusals, BodyBudget* bodies)
    : session_(std::make_unique<Session>(stream, options, handler, clock, refusals, bodies)) {
  const H1Limits& limits = options.limits;
  SLUICE_ASSERT(std::max({limits.start_line_bytes, limits.field_line_bytes, limits.chunk_line_bytes,
                          limits.trailer_bytes}) <= kInputBytes,
                "a line that is allowed fits into the input buffer");
}

H1Connection::~H1Connection() = default;

void H1Connection::serve(Context& ctx, Context& accepting) { session_->serve(ctx, accepting); }

void H1Connection::turn_away(Context& ctx, const Error& why) { session_->turn_away(ctx, why); }

// ---- the life of a connection ----

void H1Connection::Session::serve(Context& ctx, Context& accepting) {
  while (serve_next(ctx, accepting)) {
  }
  finish(ctx);
}

void H1Connection::Session::turn_away(Context& ctx, const Error& why) {
  refuse(ctx, why);
  finish(ctx);
}

bool H1Connection::Session::serve_next(Context& ctx, Context& accepting) {
  forget_request();
  parser_.reset();
  has_answered_ = false;
  if (!read_head(ctx, accepting)) return false;

  body_state_ = parser_.framing().has_body() ? BodyState::kUnread : BodyState::kNone;
  request_.set_exchange(*this, stream_.peer(), parser_.framing().has_body());
  {
    Context request_ctx(ctx);
    Response response = handler_(request_ctx, request_);
    stopping_ = accepting.is_cancelled();
    if (!has_answered_) reply(request_ctx, response);
  }
  return !closing_ && !broken_ && discard_body(ctx);
}

void H1Connection::Session::forget_request() noexcept {
  request_.clear();
  share_.release();
}

void H1Connection::Session::finish(Context& ctx) {
  forget_request();  // lingering needs no body
  if (!send(ctx)) return;
  if (!must_linger_ && input_.is_empty()) return;
  stream_.shutdown_write();
  Context limited(ctx, kLingerTime);
  for (std::size_t dropped = 0; dropped < kLingerBytes;) {
    input_.consume(input_.view().size());
    auto count = fill(limited);
    if (!count || *count == 0) return;
    dropped += *count;
  }
}

// ---- the head ----

// True: a request is complete. False: there is none to come; if something was to be said about that, it is in output_.
bool H1Connection::Session::read_head(Context& ctx, Context& accepting) {
  std::optional<Context> head_limit;
  for (;;) {
    auto step = parser_.parse(input_.view(), request_);
    if (!step) {
      refuse(ctx, step.error());
      return false;
    }
    input_.consume(step->consumed);
    if (step->done) return true;

    if (!send(ctx)) return false;
    if (!parser_.has_begun() && input_.is_empty()) {
      if (!await_request(accepting)) return false;
      continue;
    }
    if (!head_limit) head_limit.emplace(ctx, options_.head_time);
    if (!await_head(ctx, *head_limit)) return false;
  }
}

bool H1Connection::Session::await_request(Context& accepting) {
  if (accepting.is_cancelled()) return false;
  if (output_.capacity() > kKeptOutputBytes) std::string().swap(output_);  // an assignment would keep the memory
  Context limited(accepting, options_.idle_time);
  auto count = fill(limited);
  return count && *count > 0;
}

bool H1Connection::Session::await_head(Context& ctx, Context& head_limit) {
  auto count = fill(head_limit);
  if (count) return *count > 0;  // half a head is no request: nothing to answer
  if (count.error().code() == Code::kDeadlineExceeded && !ctx.is_cancelled()) {
    refuse(ctx, Error(Code::kDeadlineExceeded).because("slow-head"));
  }
  return false;
}

void H1Connection::Session::refuse(Context& ctx, const Error& why) {
  Response response = to_response(why);
  response.close = true;
  refusals_.on_refusal(response.status, why);
  must_linger_ = true;
  reply(ctx, response);
}

// ---- the reply ----

void H1Connection::Session::reply(Context& ctx, Response& response) {
  has_answered_ = true;
  ReplyFacts facts = facts_of(response);
  closing_ = facts.closes;
  must_linger_ = must_linger_ || !may_leave_body();
  append_reply_head(output_, response, request_.reply_headers(), facts);
  if (facts.body != ReplyFacts::Body::kNone && request_.method() != "HEAD") put_body(ctx, response, facts.body);
  if (output_.size() > kOutputBytes) send(ctx);
}

ReplyFacts H1Connection::Session::facts_of(const Response& response) {
  ReplyFacts facts;
  facts.version = request_.version();
  facts.date = date_.at(clock_.wall_now());
  if (status::has_no_body(response.status)) {
    facts.body = ReplyFacts::Body::kNone;
  } else if (response.stream) {
    bool knows_chunks = facts.version == Version::kHttp11;
    facts.body = knows_chunks ? ReplyFacts::Body::kChunked : ReplyFacts::Body::kUntilClose;
  }
  facts.closes = response.close || stopping_ || !parser_.keeps_alive() || !may_leave_body() ||
                 facts.body == ReplyFacts::Body::kUntilClose;
  return facts;
}

void H1Connection::Session::put_body(Context& ctx, const Response& response, ReplyFacts::Body kind) {
  if (response.stream) {
    stream_body(ctx, response, kind);
  } else if (output_.size() + response.body.size() <= kOutputBytes) {
    output_.append(response.body);
  } else {
    send(ctx, response.body);  // straight from where it lies
  }
}

void H1Connection::Session::stream_body(Context& ctx, const Response& response, ReplyFacts::Body kind) {
  Sink sink(*this, kind == ReplyFacts::Body::kChunked);
  if (auto streamed = run_stream(ctx, response.stream, sink); !streamed) {
    send(ctx);
    if (!broken_) refusals_.on_refusal(response.status, std::move(streamed).error().because("broken-stream"));
    broken_ = closing_ = true;
    return;
  }
  if (kind == ReplyFacts::Body::kChunked) output_.append(kLastChunk);
}

bool H1Connection::Session::tend(Context& ctx) { return send(ctx) && !stream_.peer_has_gone(); }

void H1Connection::Session::answer_now(Context& ctx, Response& response) {
  SLUICE_ASSERT(!has_answered_, "a request is answered once");
  response.close = true;
  reply(ctx, response);
  send(ctx);
}

// ---- the request's body ----

Result<void> H1Connection::Session::read_body(Context& ctx, std::size_t limit, std::string& body) {
  SLUICE_ASSERT(body_state_ != BodyState::kRead, "a body is read once");
  if (body_state_ == BodyState::kBroken) return fail(Error(Code::kInvalidArgument).because("broken-body"));
  auto decoded = decode_body(ctx, limit, &body);
  body_state_ = decoded ? BodyState::kRead : BodyState::kBroken;
  if (!decoded) {
    std::string().swap(body);  // an assignment would keep the memory
    share_.release();
  }
  return decoded;
}

Result<void> H1Connection::Session::hold_body(std::size_t bytes) {
  if (share_.grow_to(bytes)) return {};
  refusals_.on_refusal(status::kServiceUnavailable, Error(Code::kUnavailable).because("body-budget"));
  return fail(Error(Code::kUnavailable, "no memory left for bodies").because("overloaded"));
}

Result<void> H1Connection::Session::decode_body(Context& ctx, std::uint64_t limit, std::string* body) {
  H1BodyDecoder decoder(parser_.framing(), options_.limits, limit);
  internal::Pace pace(clock_, options_.transfer_span, options_.bytes_per_second);
  bool has_invited = !parser_.expects_continue() || !input_.is_empty();
  for (;;) {
    SLUICE_TRY(auto step, decoder.decode(input_.view(), body));
    input_.consume(step.consumed);
    if (body != nullptr) SLUICE_TRY(hold_body(body->size()));
    if (step.done) return {};
    if (!std::exchange(has_invited, true)) output_.append(kContinueReply);
    if (!send(ctx)) return fail(client_gone());

    Context limited(ctx, pace.until());
    auto count = read_some_body(limited, decoder, body);
    if (!count) {
      SLUICE_TRY(ctx.check());
      if (!limited.is_cancelled()) return fail(client_gone());
      return fail(Error(Code::kDeadlineExceeded).because("slow-body"));
    }
    if (*count == 0) return fail(Error(Code::kInvalidArgument).because("truncated-body"));
    pace.moved(*count);
  }
}

// Reads what is body and nothing else straight into it once there is some, anything else through the input buffer.
Result<std::size_t> H1Connection::Session::read_some_body(Context& ctx, H1BodyDecoder& decoder, std::string* body) {
  if (body == nullptr || body->size() < kBufferedBodyBytes || decoder.plain_left() == 0) return fill(ctx);
  std::size_t had = body->size();
  std::size_t room = had < body->capacity() ? body->capacity() - had : had;
  room = std::min(room, kBodyReadBytes);
  body->resize(had + static_cast<std::size_t>(std::min<std::uint64_t>(decoder.plain_left(), room)));
  auto count = stream_.read(ctx, std::as_writable_bytes(std::span(*body).subspan(had)));
  body->resize(had + count.value_or(0));
  if (count) decoder.skip(*count);
  return count;
}

// Whether the connection can go on after this request, as far as its body is concerned.
bool H1Connection::Session::may_leave_body() const noexcept {
  switch (body_state_) {
    case BodyState::kNone:
    case BodyState::kRead: return true;
    case BodyState::kBroken: return false;
    case BodyState::kUnread: break;
  }
  // Who waits to be invited may send the body or not: there is no telling what comes next (RFC 9110 §10.1.1).
  return !parser_.expects_continue() && parser_.framing().kind == H1Framing::Kind::kLength &&
         parser_.framing().length <= options_.discard_bytes;
}

bool H1Connection::Session::discard_body(Context& ctx) {
  if (body_state_ != BodyState::kUnread) return true;
  return decode_body(ctx, options_.discard_bytes, nullptr).has_value();
}

// ---- bytes ----

Result<std::size_t> H1Connection::Session::fill(Context& ctx) {
  SLUICE_TRY(std::size_t count, stream_.read(ctx, input_.space()));
  input_.commit(count);
  return count;
}

// Writes the gathered output, and `body` after it. False: the client cannot be reached any more.
bool H1Connection::Session::send(Context& ctx, std::string_view body) {
  if (!broken_ && !(output_.empty() && body.empty())) broken_ = !write_paced(ctx, output_, body);
  output_.clear();
  return !broken_;
}

Result<void> H1Connection::Session::write_paced(Context& ctx, std::string_view first, std::string_view second) {
  const std::size_t total = first.size() + second.size();
  for (std::size_t sent = 0;;) {
    SLUICE_TRY(std::size_t count, stream_.try_write(rest_of(first, second, sent)));
    sent += count;
    if (sent == total) return {};

    internal::Pace pace(clock_, options_.transfer_span, options_.bytes_per_second);
    Context limited(ctx, pace.until());
    auto rest = rest_of(first, second, sent);
    auto piece = rest[0].empty() ? rest[1] : rest[0];
    piece = piece.first(std::min(piece.size(), pace.bytes_per_span()));
    SLUICE_TRY(stream_.write(limited, piece));
    sent += piece.size();
    if (sent == total) return {};
  }
}

}  // namespace sluice::http
