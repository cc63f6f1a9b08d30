// SPDX-License-Identifier: MIT
//
// A session of a connection:
//
//   bytes ──▶ head ──complete──▶ handler ──▶ reply ──▶ the next head that lies in the input already, or look for bytes
//              │ refused, late                │ last one       ├──▶ none there: the session ends, the connection idles
//              └──▶ reply ──▶ linger ◀────────┘                └──▶ the end, an error: it is over
//                             (if the client may still be sending)
//
// One read brings as many requests as it can; replies gather in output_ and leave in one write when the input is used up,
// so a request alone costs one of each. The body is read when somebody asks for it, which is how a request that is
// refused by its head costs nothing more: h1_session_body.cpp.
//
// Lingering: closing a socket while bytes of the client are unread makes the kernel send a reset, which may overtake the
// reply and hide why it was refused (RFC 9112 §9.6). So we end our direction, read on for a moment, and then close.
#include <sluice/http/internal/h1_session.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>
#include <sluice/http/internal/pace.hpp>
#include <sluice/http/internal/peer_watch.hpp>
#include <sluice/http/upgraded.hpp>

namespace sluice::http::internal {
namespace {

// A client that is still sending gets this long, and may send this much, to notice that it was answered.
constexpr Duration kLingerTime = std::chrono::seconds(2);
constexpr std::size_t kLingerBytes = std::size_t{256} * 1024;

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

// The same for who takes a connection over.
Result<void> run_take_over(Context& ctx, const Response::TakeOver& take_over, const Upgraded& connection) {
  try {
    return take_over(ctx, connection);
  } catch (...) {
    return fail(Error(Code::kInternal, "who took the connection over threw").because("broken-upgrade"));
  }
}

}  // namespace

Error client_gone() { return Error(Code::kCancelled).because("client-gone"); }

// A streamed body, each piece written at once: the caller decides how much that is. What is more than the output buffer is
// meant to hold goes out in parts.
class H1Session::Sink final : public BodyWriter {
 public:
  Sink(H1Session& session, bool chunked) : session_(session), chunked_(chunked) {}

  Result<void> write(Context& ctx, std::string_view piece) override {
    SLUICE_TRY(ctx.check());
    if (piece.empty() && !session_.send(ctx)) return fail(client_gone());
    while (!piece.empty()) {
      std::string_view part = piece.substr(0, H1Connection::kOutputBytes);
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
  H1Session& session_;
  const bool chunked_;
};

// ---- life ----

H1Session::End H1Session::serve(Context& ctx, Instant arrived) {
  arrived_ = arrived;
  for (;;) {
    Head head = read_head(ctx);
    if (head == Head::kNone) return End::kIdle;
    if (head == Head::kHttp2) return End::kHttp2;
    if (head == Head::kOver || !answer(ctx)) break;
    forget_request();
    parser_.reset();
    has_answered_ = false;
    was_answered_ = true;
  }
  finish(ctx);
  return End::kOver;
}

void H1Session::turn_away(Context& ctx, const Error& why) {
  refuse(ctx, why);
  finish(ctx);
}

// False: that was the last request.
bool H1Session::answer(Context& ctx) {
  body_state_ = parser_.framing().has_body() ? BodyState::kUnread : BodyState::kNone;
  request_.set_exchange(*this, stream_.peer(), parser_.framing().has_body());
  request_.set_times(arrived_, service_.clock.now());
  {
    Context request_ctx(ctx);
    Response response = service_.handler(request_ctx, request_);
    stopping_ = service_.accepting.is_cancelled();
    if (!has_answered_) {
      reply(request_ctx, response);
      if (response.take_over) hand_over(request_ctx, response);
    }
  }
  return !closing_ && !broken_ && discard_body(ctx);
}

void H1Session::forget_request() noexcept {
  request_.clear();
  share_.release();
}

void H1Session::finish(Context& ctx) {
  forget_request();  // lingering needs no body
  if (!send(ctx)) return;
  stream_.shutdown_write();  // also if we close at once: over TLS it is to look like an end, and not like a cut
  if (!must_linger_ && input_.is_empty()) return;
  Context limited(ctx, kLingerTime);
  for (std::size_t dropped = 0; dropped < kLingerBytes;) {
    input_.consume(input_.view().size());
    auto count = fill(limited);
    if (!count || *count == 0) return;
    dropped += *count;
  }
}

// ---- the head ----

// kOver: if something was to be said about that, it is in output_.
H1Session::Head H1Session::read_head(Context& ctx) {
  std::optional<Context> head_limit;
  for (;;) {
    if (kept_.opening == Opening::kUndecided) look_at_opening();
    if (kept_.opening == Opening::kHttp2) return Head::kHttp2;
    if (kept_.opening == Opening::kHttp1) {
      auto step = parser_.parse(input_.view(), request_);
      if (!step) {
        refuse(ctx, step.error());
        return Head::kOver;
      }
      input_.consume(step->consumed);
      if (step->done) return Head::kComplete;
    }

    if (!send(ctx)) return Head::kOver;
    if (!parser_.has_begun() && input_.is_empty()) {
      if (Head found = look_for_request(); found != Head::kComplete) return found;
      continue;
    }
    if (!head_limit) head_limit.emplace(ctx, service_.options.head_time);
    if (!await_head(ctx, *head_limit)) return Head::kOver;
  }
}

void H1Session::look_at_opening() noexcept {
  if (service_.h2 == nullptr) {
    kept_.opening = Opening::kHttp1;
  } else if (!input_.is_empty()) {
    kept_.opening = opening_of(input_.view());
  }
}

// kComplete: some of it is there.
H1Session::Head H1Session::look_for_request() {
  if (service_.accepting.is_cancelled()) return Head::kOver;
  auto count = stream_.try_read(input_.space());
  if (!count || *count == 0) return Head::kOver;
  if (!*count) {
    kept_.skipped_empty_line = parser_.has_skipped_empty_line();
    return Head::kNone;
  }
  // Noticed before we were here, or just now.
  if (was_answered_ || arrived_ == Instant()) arrived_ = service_.clock.now();
  input_.commit(**count);
  kept_.has_heard = true;
  return Head::kComplete;
}

bool H1Session::await_head(Context& ctx, Context& head_limit) {
  auto count = fill(head_limit);
  arrived_ = service_.clock.now();  // what it has waited for was the client
  if (count) return *count > 0;  // half a head is no request: nothing to answer
  if (count.error().code() == Code::kDeadlineExceeded && !ctx.is_cancelled()) {
    refuse(ctx, Error(Code::kDeadlineExceeded).because("slow-head"));
  }
  return false;
}

void H1Session::refuse(Context& ctx, const Error& why) {
  Response response = to_response(why);
  response.close = true;
  service_.refusals.on_refusal(response.status, why);
  must_linger_ = true;
  reply(ctx, response);
}

// ---- the reply ----

void H1Session::reply(Context& ctx, Response& response) {
  has_answered_ = true;
  ReplyFacts facts = facts_of(response);
  closing_ = facts.closes;
  must_linger_ = must_linger_ || !may_leave_body();
  append_reply_head(output_, response, request_.reply_headers(), facts);
  if (facts.body != ReplyFacts::Body::kNone && request_.method() != "HEAD") put_body(ctx, response, facts.body);
  if (output_.size() > H1Connection::kOutputBytes) send(ctx);
}

ReplyFacts H1Session::facts_of(const Response& response) {
  ReplyFacts facts;
  facts.version = request_.version();
  facts.date = kept_.date.at(service_.clock, response.made == Instant() ? service_.clock.now() : response.made);
  if (status::has_no_body(response.status)) {
    facts.body = ReplyFacts::Body::kNone;
  } else if (response.stream) {
    bool knows_chunks = facts.version == Version::kHttp11;
    facts.body = knows_chunks ? ReplyFacts::Body::kChunked : ReplyFacts::Body::kUntilClose;
    facts.keeps_alive_aloud = response.headers.has_token("connection", "keep-alive");
  }
  facts.upgrades = response.take_over || response.status == status::kUpgradeRequired;
  facts.closes = response.close || stopping_ || !parser_.keeps_alive() || !may_leave_body() ||
                 facts.body == ReplyFacts::Body::kUntilClose;
  facts.closes = facts.closes && !response.take_over;  // whose end is the other protocol's business
  return facts;
}

void H1Session::put_body(Context& ctx, const Response& response, ReplyFacts::Body kind) {
  if (response.stream) {
    stream_body(ctx, response, kind);
  } else if (output_.size() + response.body.size() <= H1Connection::kOutputBytes) {
    output_.append(response.body);
  } else {
    send(ctx, response.body);  // straight from where it lies
  }
}

void H1Session::stream_body(Context& ctx, const Response& response, ReplyFacts::Body kind) {
  Sink sink(*this, kind == ReplyFacts::Body::kChunked);
  PeerWatch watch(ctx, stream_, input_);
  if (auto streamed = run_stream(watch.context(), response.stream, sink); !streamed) {
    broken_ = broken_ || watch.has_seen_it_go();
    send(ctx);
    if (!broken_) service_.refusals.on_refusal(response.status, std::move(streamed).error().because("broken-stream"));
    broken_ = closing_ = true;
    return;
  }
  if (kind == ReplyFacts::Body::kChunked) output_.append(kLastChunk);
}

// From here on the connection speaks another protocol. Afterwards it closes, and lingers: whoever took it over has said its
// last word, and the client may still be talking.
void H1Session::hand_over(Context& ctx, const Response& response) {
  closing_ = true;
  if (!discard_body(ctx) || !send(ctx)) return;
  Upgraded connection{stream_, input_.view(), share_.budget(), service_.accepting};
  auto done = run_take_over(ctx, response.take_over, connection);
  if (!done) service_.refusals.on_refusal(response.status, done.error());
  input_.consume(input_.view().size());
  must_linger_ = true;
}

bool H1Session::tend(Context& ctx) { return send(ctx) && !stream_.peer_has_gone(); }

void H1Session::answer_now(Context& ctx, Response& response) {
  SLUICE_ASSERT(!has_answered_, "a request is answered once");
  response.close = true;
  reply(ctx, response);
  send(ctx);
}

// ---- bytes ----

Result<std::size_t> H1Session::fill(Context& ctx) {
  SLUICE_TRY(std::size_t count, stream_.read(ctx, input_.space()));
  input_.commit(count);
  return count;
}

// Writes the gathered output, and `body` after it. False: the client cannot be reached any more.
bool H1Session::send(Context& ctx, std::string_view body) {
  if (!broken_ && !(output_.empty() && body.empty())) broken_ = !write_paced(ctx, output_, body);
  output_.clear();
  return !broken_;
}

Result<void> H1Session::write_paced(Context& ctx, std::string_view first, std::string_view second) {
  const std::size_t total = first.size() + second.size();
  for (std::size_t sent = 0;;) {
    SLUICE_TRY(std::size_t count, stream_.try_write(rest_of(first, second, sent)));
    sent += count;
    if (sent == total) return {};

    Pace pace(service_.clock, service_.options.transfer_span, service_.options.bytes_per_second);
    Context limited(ctx, pace.until());
    auto rest = rest_of(first, second, sent);
    auto piece = rest[0].empty() ? rest[1] : rest[0];
    piece = piece.first(std::min(piece.size(), pace.bytes_per_span()));
    SLUICE_TRY(stream_.write(limited, piece));
    sent += piece.size();
    if (sent == total) return {};
  }
}

}  // namespace sluice::http::internal
