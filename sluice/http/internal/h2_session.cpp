// SPDX-License-Identifier: MIT
//
// Who does what on a connection:
//
//   reader ──bytes──▶ nghttp2 ──callbacks──▶ streams, one fiber each ──replies──▶ nghttp2 ──frames──▶ writer
//
// All three meet under mutex_, which is held while bytes are understood or frames put together, and never while somebody
// reads, writes or handles. The writer lets all who are ready go first (yield) before it gathers: so the replies to what one
// read has brought leave in one write. It takes up to kOutputBytes and comes back for more when those are written; the rest
// waits in its streams, so a client that does not read costs no memory beyond what its requests have made already. The
// reader stops while nghttp2 has more control frames to send than honest clients ever cause, for they are made by what
// it reads.
//
// The connection ends (end_unlocked) when the client goes, a write fails, or nghttp2 wants to read nothing more: GOAWAY has
// been sent, and no stream is open. Then contexts end, fibers leave, the writer writes what is left, and it is closed.
//
// h2_callbacks.cpp has what nghttp2 calls, h2_stream.cpp what a request does.
#include <sluice/http/internal/h2_session.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include <sluice/base/bytes.hpp>
#include <sluice/http/internal/h2_fields.hpp>
#include <sluice/http/internal/pace.hpp>
#include <sluice/http/problem.hpp>
#include <sluice/runtime/go.hpp>

namespace sluice::http::internal {
namespace {

// What the whole connection may have on its way to us. The streams' own windows bound what we hold; this one only must not
// be the narrower for a few of them.
constexpr std::int32_t kConnectionWindowBytes = 1 << 20;
// Frames that wait to be sent, beyond which nothing more is read. A reply to each stream is a tenth of it.
constexpr std::size_t kOutboundFramesMax = 1000;
// As for HTTP/1.1: a client that is still sending gets this long, and may send this much, to notice why it is over.
constexpr Duration kLingerTime = std::chrono::seconds(2);
constexpr std::size_t kLingerBytes = std::size_t{256} * 1024;

Error client_gone() { return Error(Code::kCancelled).because("client-gone"); }

}  // namespace

H2Session::H2Session(net::Stream& stream, const H2Service& service, Context& ctx, Context& accepting)
    : stream_(stream), service_(service), requests_(ctx), life_(ctx), accepting_(accepting), session_(make_engine()),
      flood_(service.clock), inspected_at_(service.clock.now()), idle_since_(inspected_at_) {
  std::array<nghttp2_settings_entry, 2> settings = {
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, service.options.streams_max},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(service.options.head_bytes)}};
  must(::nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, settings.data(), settings.size()));
  must(::nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, 0, kConnectionWindowBytes));
}

H2Session::~H2Session() = default;

void H2Session::serve(std::string_view first_bytes) {
  writer_.add();
  auto started = go([this] {
    write_all();
    writer_.done();
  });
  if (!started) {
    writer_.done();
    service_.refusals.on_refusal(status::kServiceUnavailable, std::move(started).error().because("no-stack"));
    return;
  }
  if (first_bytes.empty() || feed(as_bytes(first_bytes))) read_all();
  close_down(client_gone());
}

// ---- reading ----

void H2Session::read_all() {
  auto buffer = std::make_unique_for_overwrite<std::byte[]>(H2Connection::kInputBytes);
  for (;;) {
    std::unique_lock hold(mutex_);
    if (over_) return;
    Context limited(stopping_ ? life_ : accepting_, next_look_unlocked());
    hold.unlock();
    auto count = stream_.read(limited, {buffer.get(), H2Connection::kInputBytes});
    if (count && *count > 0) {
      if (!feed({buffer.get(), *count})) return;
      continue;
    }
    has_lost_client_ = count || !limited.is_cancelled();
    if (has_lost_client_) return;
    hold.lock();
    if (!look_unlocked()) return;
  }
}

// False: nothing more is to be read.
bool H2Session::feed(std::span<const std::byte> bytes) {
  std::unique_lock hold(mutex_);
  ssize_t taken = ::nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (taken == NGHTTP2_ERR_FLOODED) {
    calm_unlocked("flood");
  } else if (taken < 0) {
    quit_unlocked(NGHTTP2_PROTOCOL_ERROR);  // no preface
  }
  bool goes_on = !over_ && ::nghttp2_session_want_read(session_.get()) != 0;
  wake_writer_unlocked();
  auto streams = std::exchange(to_start_, {});
  hold.unlock();
  start_fibers(std::move(streams));
  return goes_on && await_room();
}

void H2Session::start_fibers(std::vector<H2Stream*> streams) {
  for (H2Stream* stream : streams) {
    fibers_.add();
    auto started = go([this, stream] {
      stream->serve();
      fibers_.done();
    });
    if (started) continue;
    service_.refusals.on_refusal(status::kServiceUnavailable, std::move(started).error().because("no-stack"));
    {
      std::lock_guard hold(mutex_);
      stream->is_our_fault_ = true;
      reset_unlocked(*stream, NGHTTP2_REFUSED_STREAM);
      wake_writer_unlocked();
    }
    leave(*stream);
    fibers_.done();
  }
}

// The stream's fiber needs it no more, and does not touch it afterwards.
void H2Session::leave(H2Stream& stream) {
  std::lock_guard hold(mutex_);
  stream.has_fiber_ = false;
  stream.request_.clear();
  stream.share_.release();
  if (!stream.closed_) return;
  streams_.erase(stream.id_);
  if (streams_.empty()) idle_since_ = service_.clock.now();
}

bool H2Session::await_room() {
  std::unique_lock hold(mutex_);
  auto waited = output_gone_.wait(life_, hold, [this] {
    return over_ || ::nghttp2_session_get_outbound_queue_size(session_.get()) < kOutboundFramesMax;
  });
  return waited && !over_;
}

// ---- time, and stopping ----

Deadline H2Session::next_look_unlocked() const {
  Instant next = streams_.empty() ? idle_since_ + service_.options.idle_time
                                  : inspected_at_ + service_.options.transfer_span;
  if (head_under_way_) next = std::min(next, head_under_way_->began + service_.options.head_time);
  if (final_goaway_at_) next = std::min(next, *final_goaway_at_);
  return Deadline(next);
}

// The reader was woken, and not by the client. False: it is over.
bool H2Session::look_unlocked() {
  if (over_ || life_.is_cancelled()) return false;
  Instant now = service_.clock.now();
  if (accepting_.is_cancelled()) begin_stop_unlocked();
  if (final_goaway_at_ && now >= *final_goaway_at_) finish_stop_unlocked();
  if (head_under_way_ && now >= head_under_way_->began + service_.options.head_time) {
    has_told_ = true;
    refuse_unlocked(status::kRequestTimeout, Code::kDeadlineExceeded, "slow-head");
    quit_unlocked(NGHTTP2_ENHANCE_YOUR_CALM);
  } else if (streams_.empty() && now >= idle_since_ + service_.options.idle_time) {
    quit_unlocked(NGHTTP2_NO_ERROR);
  }
  if (now >= inspected_at_ + service_.options.transfer_span) find_slow_readers_unlocked(now);
  wake_writer_unlocked();
  return !over_;
}

// A reply is slow if its own client holds it up: its window is shut, or nothing moves on the whole connection. One that
// waits for its turn behind others is none. Each gets one whole span first.
void H2Session::find_slow_readers_unlocked(Instant now) {
  inspected_at_ = now;
  bool all_slow = sent_ - std::exchange(sent_before_, sent_) < bytes_per_span();
  for (auto& [id, stream] : streams_) {
    std::size_t moved = stream->sent_ - std::exchange(stream->sent_before_, stream->sent_);
    bool was_waiting = std::exchange(stream->was_waiting_, stream->is_waiting_to_send_unlocked());
    if (!was_waiting || !stream->was_waiting_ || moved >= bytes_per_span()) continue;
    if (!all_slow && ::nghttp2_session_get_stream_remote_window_size(session_.get(), id) > 0) continue;
    refuse_unlocked(stream->status_, Code::kDeadlineExceeded, "slow-reader");
    reset_unlocked(*stream, NGHTTP2_CANCEL);
  }
}

// RFC 9113 §6.8: first a GOAWAY that names no stream, so that requests that cross with it are still answered; then, when the
// client must have seen it, for it has answered a PING, the one that counts.
void H2Session::begin_stop_unlocked() {
  if (std::exchange(stopping_, true)) return;
  accepting_.cancel();  // wakes the reader, who has to look at the clock from now on
  final_goaway_at_ = service_.clock.now() + service_.options.goaway_time;
  must(::nghttp2_submit_shutdown_notice(session_.get()));
  must(::nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr));
}

void H2Session::finish_stop_unlocked() {
  final_goaway_at_.reset();
  if (!stopping_ || std::exchange(has_named_last_, true)) return;
  must(::nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, ::nghttp2_session_get_last_proc_stream_id(session_.get()),
                               NGHTTP2_NO_ERROR, nullptr, 0));
}

// GOAWAY, and the end. Requests under way are cut off.
void H2Session::quit_unlocked(std::uint32_t error_code) {
  has_named_last_ = true;
  must(::nghttp2_session_terminate_session(session_.get(), error_code));
  end_unlocked(client_gone());
}

void H2Session::calm_unlocked(const char* reason) {
  if (std::exchange(has_told_, true)) return;
  refuse_unlocked(status::kTooManyRequests, Code::kResourceExhausted, reason);
  quit_unlocked(NGHTTP2_ENHANCE_YOUR_CALM);
}

void H2Session::end_unlocked(Error why) {
  over_ = true;
  output_gone_.broadcast();
  life_.cancel(why);
  accepting_.cancel(std::move(why));
}

// The reader has left. If the server's time to drain is over, handlers still get their last word; else nobody hears it.
void H2Session::close_down(Error why) {
  {
    std::lock_guard hold(mutex_);
    if (!requests_.is_cancelled()) {
      for (auto& [id, stream] : streams_) stream->close_unlocked(why);
    }
    end_unlocked(std::move(why));
  }
  static_cast<void>(fibers_.wait(patience_));  // ends: all that they wait for has ended
  {
    std::lock_guard hold(mutex_);
    stopping_ = true;
    finish_stop_unlocked();
    closing_ = true;
    output_wanted_.signal();
  }
  static_cast<void>(writer_.wait(patience_));  // ends: nothing new comes, and a client that does not read is cut off
  if (!has_lost_client_ && !broken_) linger();
  streams_.clear();
}

// As for HTTP/1.1: closing a socket with unread bytes makes the kernel send a reset, which may overtake the GOAWAY, or the
// last reply. And there often are some: an update of a window, an answer to a PING.
void H2Session::linger() {
  stream_.shutdown_write();
  Context limited(requests_, kLingerTime);
  std::array<std::byte, 1024> buffer;
  for (std::size_t dropped = 0; dropped < kLingerBytes;) {
    auto count = stream_.read(limited, buffer);
    if (!count || *count == 0) return;
    dropped += *count;
  }
}

// ---- writing ----

void H2Session::write_all() {
  for (;;) {
    {
      std::unique_lock hold(mutex_);
      static_cast<void>(output_wanted_.wait(patience_, hold, [this] {  // never ends
        return closing_ || ::nghttp2_session_want_write(session_.get()) != 0;
      }));
    }
    yield();
    std::unique_lock hold(mutex_);
    bool has_output = gather_unlocked();
    hold.unlock();
    bool is_sent = send(output_).has_value();
    hold.lock();
    output_.clear();
    output_gone_.signal();
    broken_ = !is_sent;
    if (broken_ || (!over_ && ::nghttp2_session_want_read(session_.get()) == 0 &&
                    ::nghttp2_session_want_write(session_.get()) == 0)) {
      end_unlocked(client_gone());
    }
    if (broken_ || (closing_ && !has_output)) return;
  }
}

// Puts frames together, up to a buffer full. False: there are none.
bool H2Session::gather_unlocked() {
  while (output_.size() < H2Connection::kOutputBytes) {
    const std::uint8_t* bytes = nullptr;
    ssize_t count = ::nghttp2_session_mem_send(session_.get(), &bytes);
    if (count <= 0) break;  // nothing more, or the buffer is full; there is no other error but of memory
    output_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
  }
  return !output_.empty();
}

Result<void> H2Session::send(std::string_view bytes) {
  while (!bytes.empty()) {
    auto rest = as_bytes(bytes);
    SLUICE_TRY(std::size_t count, stream_.try_write({&rest, 1}));
    bytes.remove_prefix(count);
    if (bytes.empty()) break;
    Pace pace(service_.clock, service_.options.transfer_span, service_.options.bytes_per_second);
    Context limited(life_, pace.until());
    auto piece = as_bytes(bytes.substr(0, pace.bytes_per_span()));
    SLUICE_TRY(stream_.write(limited, piece));
    bytes.remove_prefix(piece.size());
  }
  return {};
}

void H2Session::wake_writer_unlocked() {
  if (::nghttp2_session_want_write(session_.get()) != 0) output_wanted_.signal();
}

// ---- what streams ask for ----

void H2Session::return_window_unlocked(H2Stream& stream, std::size_t bytes) {
  if (bytes > 0 && !stream.closed_) must(::nghttp2_session_consume_stream(session_.get(), stream.id_, bytes));
}

void H2Session::widen_window_unlocked(H2Stream& stream) {
  must(::nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, stream.id_,
                                               static_cast<std::int32_t>(H2Connection::kReadWindowBytes)));
}

void H2Session::invite_unlocked(H2Stream& stream) {
  H2Fields fields;
  fields.add(":status", "100");
  const auto& values = fields.values();
  must(::nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, stream.id_, nullptr, values.data(), values.size(), nullptr));
}

void H2Session::submit_reply_unlocked(H2Stream& stream, const Response& response, bool has_body) {
  H2Fields fields;
  fields.add(":status", std::to_string(response.status));
  fields.add("date", date_.at(service_.clock, service_.clock.now()));
  fields.add_all(response.headers);
  fields.add_all(stream.request_.reply_headers());
  if (!response.stream && !status::has_no_body(response.status)) {
    fields.add("content-length", std::to_string(response.body.size()));
  }
  const auto& values = fields.values();
  nghttp2_data_provider body = body_provider();
  must(::nghttp2_submit_response(session_.get(), stream.id_, values.data(), values.size(), has_body ? &body : nullptr));
}

// There is something to send, or it is known that nothing more will come.
void H2Session::resume_unlocked(H2Stream& stream) {
  // An error: its head has not been sent yet, so it was not put off; or it has been closed.
  static_cast<void>(::nghttp2_session_resume_data(session_.get(), stream.id_));
}

void H2Session::reset_unlocked(H2Stream& stream, std::uint32_t error_code) {
  must(::nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id_, error_code));
}

void H2Session::refuse_unlocked(int status, Code code, const char* reason) {
  service_.refusals.on_refusal(status, Error(code).because(reason));
}

std::size_t H2Session::bytes_per_span() const noexcept {
  return Pace(service_.clock, service_.options.transfer_span, service_.options.bytes_per_second).bytes_per_span();
}

}  // namespace sluice::http::internal
