// SPDX-License-Identifier: MIT
#include <sluice/http/internal/h2_stream.hpp>

#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/http/internal/h2_session.hpp>
#include <sluice/http/problem.hpp>

namespace sluice::http::internal {
namespace {

Error client_gone() { return Error(Code::kCancelled).because("client-gone"); }

// No middleware stands around a stream, so what a user's function throws has to end here: it costs this reply.
Result<void> run_stream(Context& ctx, const Response::Stream& stream, BodyWriter& out) {
  try {
    return stream(ctx, out);
  } catch (...) {
    return fail(Code::kInternal, "the stream of a reply threw");
  }
}

bool has_body(const Request& request, const Response& response) {
  if (request.method() == "HEAD" || status::has_no_body(response.status)) return false;
  return response.stream || !response.body.empty() || response.trailers.size() > 0;
}

}  // namespace

// Hands over each piece as it lies, and waits until it is taken: the client's windows decide when.
class H2Stream::Sink final : public BodyWriter {
 public:
  explicit Sink(H2Stream& stream) : stream_(stream) {}

  Result<void> write(Context& ctx, std::string_view piece) override { return stream_.write_piece(ctx, piece); }
  void set_trailers(Headers trailers) override {
    std::lock_guard hold(stream_.session_.mutex_);
    stream_.reply_trailers_ = std::move(trailers);
  }

 private:
  H2Stream& stream_;
};

H2Stream::H2Stream(H2Session& session, std::int32_t id, std::size_t uncounted_bytes)
    : session_(session), id_(id), ctx_(session.life_), head_(session.service_.options),
      share_(session.service_.bodies, uncounted_bytes) {}

void H2Stream::serve() {
  {
    Response response = session_.service_.handler(ctx_, request_);
    if (reply(response)) make_body(response.stream);
  }
  session_.leave(*this);
}

// True: its body is still to be made.
bool H2Stream::reply(Response& response) {
  std::lock_guard hold(session_.mutex_);
  if (has_answered_) return false;  // answer_now
  reply_unlocked(response);
  return response.stream && !is_whole_;
}

// ---- the request ----

void H2Stream::begin_request_unlocked() {
  has_head_ = true;
  if (auto sound = head_.finish(request_); !sound) {
    Response response = to_response(sound.error());
    session_.service_.refusals.on_refusal(response.status, sound.error());
    body_error_ = std::move(sound).error();
    reply_unlocked(response);
    return;
  }
  request_.set_exchange(*this, session_.stream_.peer(), !input_ended_);
  has_fiber_ = true;
  session_.to_start_.push_back(this);
}

// Memory is counted as it comes, read or not.
void H2Stream::take_unlocked(std::string_view bytes) {
  arrived_ += bytes.size();
  if (body_error_ || is_sent_) return;
  if (!share_.grow_to(arrived_)) {
    session_.refuse_unlocked(status::kServiceUnavailable, Code::kUnavailable, "body-budget");
    return give_up_body_unlocked(Error(Code::kUnavailable, "no memory left for bodies").because("overloaded"));
  }
  if (taker_ == nullptr) {
    inbox_.append(bytes);
    return;
  }
  if (bytes.size() > taker_limit_ - taker_->size()) {
    return give_up_body_unlocked(Error(Code::kInvalidArgument).because("too-large"));
  }
  taker_->append(bytes);
  session_.return_window_unlocked(*this, bytes.size());
}

// What comes from now on is dropped, and no more than one window of it will: nobody returns it.
void H2Stream::give_up_body_unlocked(Error why) {
  if (!body_error_) body_error_ = std::move(why);
  std::string().swap(inbox_);
  if (taker_ == nullptr) share_.release();  // else the reader holds some, until it hears of it
  changed_.broadcast();
}

void H2Stream::end_input_unlocked() {
  input_ended_ = true;
  if (auto sound = head_.check(); !sound) return give_up_body_unlocked(std::move(sound).error());  // a trailer was refused
  changed_.broadcast();
}

Result<void> H2Stream::read_body(Context& ctx, std::size_t limit, std::string& body) {
  auto taken = take_body(ctx, limit, body);
  std::lock_guard hold(session_.mutex_);
  taker_ = nullptr;
  if (taken) {
    request_.set_trailers(std::move(trailers_));
    return taken;
  }
  give_up_body_unlocked(taken.error());
  std::string().swap(body);  // an assignment would keep the memory
  share_.release();
  return taken;
}

Result<void> H2Stream::take_body(Context& ctx, std::size_t limit, std::string& body) {
  std::unique_lock hold(session_.mutex_);
  SLUICE_ASSERT(taker_ == nullptr, "a body is read by one fiber");
  if (body_error_) return fail(*body_error_);
  if (inbox_.size() > limit || head_.body_length().value_or(0) > limit) {
    return fail(Error(Code::kInvalidArgument).because("too-large"));
  }
  body = std::exchange(inbox_, {});
  taker_ = &body;
  taker_limit_ = limit;
  if (!input_ended_ && !closed_) {
    if (head_.expects_continue() && arrived_ == 0) session_.invite_unlocked(*this);
    session_.return_window_unlocked(*this, body.size());
    if (head_.body_length().value_or(limit) > H2Connection::kUnreadBytes) session_.widen_window_unlocked(*this);
    session_.wake_writer_unlocked();
  }
  hold.unlock();
  return await_body(ctx);
}

Result<void> H2Stream::await_body(Context& ctx) {
  std::unique_lock hold(session_.mutex_);
  auto is_over = [this] { return input_ended_ || closed_ || body_error_; };
  while (!is_over()) {
    std::size_t had = arrived_;
    std::size_t all_had = session_.arrived_;
    {
      Context limited(ctx, session_.service_.options.transfer_span);
      static_cast<void>(changed_.wait(limited, hold, is_over));  // what there is to know is asked below
    }
    if (is_over()) break;
    SLUICE_TRY(ctx.check());
    // One that has to share the line with others may be slow; one that has it for itself may not.
    bool is_slow = arrived_ - had < session_.bytes_per_span() && session_.arrived_ - all_had < session_.bytes_per_span();
    if (is_slow) return fail(Error(Code::kDeadlineExceeded).because("slow-body"));
  }
  if (body_error_) return fail(*body_error_);
  if (!input_ended_) return fail(client_gone());
  return {};
}

Result<void> H2Stream::hold_body(std::size_t bytes) {
  std::lock_guard hold(session_.mutex_);
  if (share_.grow_to(bytes)) return {};
  session_.refuse_unlocked(status::kServiceUnavailable, Code::kUnavailable, "body-budget");
  return fail(Error(Code::kUnavailable, "no memory left for bodies").because("overloaded"));
}

bool H2Stream::tend(Context&) {
  std::lock_guard hold(session_.mutex_);
  return !closed_;
}

// ---- the reply ----

void H2Stream::answer_now(Context&, Response& response) {
  std::lock_guard hold(session_.mutex_);
  SLUICE_ASSERT(!has_answered_, "a request is answered once");
  Response copy = response;  // the caller's goes to logs and metrics
  reply_unlocked(copy);
}

// Takes the body out of `response`, unless it is streamed.
void H2Stream::reply_unlocked(Response& response) {
  has_answered_ = true;
  is_whole_ = true;
  if (closed_) return;
  // There is no such thing as a last word of this kind: the client would wait for another.
  if (status::is_interim(response.status)) response = to_response(Error(Code::kInternal, "an interim status as a reply"));
  bool has = has_body(request_, response);
  status_ = response.status;
  is_whole_ = !has || !response.stream;
  session_.submit_reply_unlocked(*this, response, has);
  if (has && is_whole_) {
    body_ = std::move(response.body);
    pending_ = body_;
    reply_trailers_ = std::move(response.trailers);
  }
  if (response.close) session_.begin_stop_unlocked();
  session_.wake_writer_unlocked();
}

void H2Stream::make_body(const Response::Stream& stream) {
  Sink sink(*this);
  auto made = run_stream(ctx_, stream, sink);
  std::lock_guard hold(session_.mutex_);
  if (closed_) return;
  if (made) {
    is_whole_ = true;
    session_.resume_unlocked(*this);
  } else {
    is_our_fault_ = true;
    session_.service_.refusals.on_refusal(status_, std::move(made).error().because("broken-stream"));
    session_.reset_unlocked(*this, NGHTTP2_INTERNAL_ERROR);
  }
  session_.wake_writer_unlocked();
}

Result<void> H2Stream::write_piece(Context& ctx, std::string_view piece) {
  SLUICE_TRY(ctx.check());
  if (piece.empty()) return {};
  std::unique_lock hold(session_.mutex_);
  if (closed_) return fail(client_gone());
  pending_ = piece;
  session_.resume_unlocked(*this);
  session_.wake_writer_unlocked();
  auto waited = changed_.wait(ctx, hold, [this] { return pending_.empty() || closed_; });
  if (pending_.empty()) return {};
  pending_ = {};  // the caller's, who takes it back now
  if (closed_) return fail(client_gone());
  return waited;
}

void H2Stream::close_unlocked(Error why) {
  closed_ = true;
  if (!has_fiber_) return;
  ctx_.cancel(std::move(why));
  changed_.broadcast();
}

}  // namespace sluice::http::internal
