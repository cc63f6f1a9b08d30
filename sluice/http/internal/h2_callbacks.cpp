// SPDX-License-Identifier: MIT
//
// What nghttp2 tells us, always from within mem_recv or mem_send, hence with the session's mutex locked. Callbacks may
// submit frames; they must not call mem_recv or mem_send. A stream that we do not know (refused, or its end has been dealt
// with) has no user data.
#include <sluice/http/internal/h2_session.hpp>

#include <algorithm>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/http/internal/h2_fields.hpp>

namespace sluice::http::internal {

struct H2Session::Callbacks {
  using Frame = nghttp2_frame;
  static constexpr std::size_t kFrameHeadBytes = 9;
  // So many bodies of a connection begin uncounted, which makes an input buffer together. A hundred would hide 400 KiB from
  // the budget, on each of 20,000 connections.
  static constexpr std::size_t kFreeShares = 4;

  static H2Session& self(void* user) { return *static_cast<H2Session*>(user); }
  static H2Stream* find(nghttp2_session* session, std::int32_t id) {
    return static_cast<H2Stream*>(::nghttp2_session_get_stream_user_data(session, id));
  }
  static std::string_view text(const std::uint8_t* bytes, std::size_t size) {
    return {reinterpret_cast<const char*>(bytes), size};
  }
  static void count_noise(H2Session& self, std::uint32_t weight = 1) {
    if (!self.flood_.may_make_noise(weight)) self.calm_unlocked("flood");
  }

  // ---- frames that come

  // Frames of unknown types, and DATA for streams that are closed, do not come here: nghttp2 passes over them, which costs
  // what reading costs and no more.
  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* frame, void* user) {
    switch (frame->type) {
      case NGHTTP2_HEADERS:
        if (!self(user).skipped_ids_.may_begin(frame->stream_id)) self(user).quit_unlocked(NGHTTP2_PROTOCOL_ERROR);
        return 0;
      case NGHTTP2_CONTINUATION: return 0;  // nghttp2 takes eight for a head
      case NGHTTP2_DATA: return 0;          // judged when it is known how much of it is padding
      case NGHTTP2_RST_STREAM: count_noise(self(user), H2Flood::kResetWeight); return 0;
      case NGHTTP2_WINDOW_UPDATE:
        if (!self(user).flood_.may_update_window()) self(user).calm_unlocked("flood");
        return 0;
      default: count_noise(self(user)); return 0;
    }
  }

  static int on_begin_headers(nghttp2_session* session, const Frame* frame, void* user) {
    H2Session& self = Callbacks::self(user);
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    std::int32_t id = frame->hd.stream_id;
    Instant now = self.service_.clock.now();
    self.head_under_way_ = {.stream = id, .began = now};
    if (self.streams_.size() >= self.service_.options.streams_max) {
      count_noise(self);
      self.refuse_unlocked(status::kServiceUnavailable, Code::kResourceExhausted, "too-many-streams");
      return ::nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
    }
    if (self.streams_.empty()) self.inspected_at_ = now;
    bool is_free = self.streams_.size() < kFreeShares;
    auto stream = std::make_unique<H2Stream>(self, id, is_free ? BodyShare::kUncountedBytes : 0);
    must(::nghttp2_session_set_stream_user_data(session, id, stream.get()));
    stream->request_.set_times(now, {});
    self.streams_.emplace(id, std::move(stream));
    return 0;
  }

  static int on_header(nghttp2_session* session, const Frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void*) {
    H2Stream* stream = find(session, frame->hd.stream_id);
    if (stream == nullptr) return 0;
    if (stream->has_head_) {
      stream->head_.take_trailer(text(name, name_size), text(value, value_size), stream->trailers_);
    } else {
      stream->head_.take(text(name, name_size), text(value, value_size), stream->request_);
    }
    return 0;
  }

  // nghttp2 would pass over it; RFC 9113 §8.2.1 calls the request malformed.
  static int on_invalid_header(nghttp2_session* session, const Frame* frame, const std::uint8_t*, std::size_t,
                               const std::uint8_t*, std::size_t, std::uint8_t, void*) {
    if (H2Stream* stream = find(session, frame->hd.stream_id)) stream->head_.refuse("bad-header");
    return 0;
  }

  static int on_frame(nghttp2_session* session, const Frame* frame, void* user) {
    H2Session& self = Callbacks::self(user);
    bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    H2Stream* stream = frame->hd.stream_id == 0 ? nullptr : find(session, frame->hd.stream_id);
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        self.head_under_way_.reset();
        if (stream == nullptr) return 0;
        if (ends) stream->end_input_unlocked();
        if (!stream->has_head_) stream->begin_request_unlocked();
        return 0;
      case NGHTTP2_DATA: {
        bool is_empty = frame->hd.length == frame->data.padlen;
        if (is_empty && !ends) count_noise(self);
        if (ends && stream != nullptr) stream->end_input_unlocked();
        return 0;
      }
      case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) self.finish_stop_unlocked();
        return 0;
      default: return 0;
    }
  }

  static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size,
                     void* user) {
    H2Session& self = Callbacks::self(user);
    self.arrived_ += size;
    // At once: what may be held unread is bounded by the streams' windows, and by the budget. If the connection's window
    // waited for handlers, one that does not read would stop all others.
    must(::nghttp2_session_consume_connection(session, size));
    if (H2Stream* stream = find(session, id)) stream->take_unlocked(text(bytes, size));
    return 0;
  }

  static int on_invalid_frame(nghttp2_session*, const Frame*, int, void* user) {
    count_noise(self(user));
    self(user).refuse_unlocked(status::kBadRequest, Code::kInvalidArgument, "bad-frame");
    return 0;
  }

  static int on_stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t error_code, void* user) {
    H2Session& self = Callbacks::self(user);
    if (self.head_under_way_ && self.head_under_way_->stream == id) self.head_under_way_.reset();
    auto found = self.streams_.find(id);
    if (found == self.streams_.end()) return 0;
    must(::nghttp2_session_set_stream_user_data(session, id, nullptr));
    H2Stream& stream = *found->second;
    bool was_wanted = stream.is_sent_ || error_code == NGHTTP2_NO_ERROR || stream.is_our_fault_;
    if (!was_wanted && !self.flood_.may_reset()) self.calm_unlocked("too-many-resets");
    stream.close_unlocked(Error(Code::kCancelled).because("client-gone"));
    if (stream.has_fiber_) return 0;  // which sees to the rest when it leaves
    self.streams_.erase(found);
    if (self.streams_.empty()) self.idle_since_ = self.service_.clock.now();
    return 0;
  }

  // ---- frames that go

  static int on_frame_sent(nghttp2_session* session, const Frame* frame, void* user) {
    H2Session& self = Callbacks::self(user);
    if (frame->hd.type == NGHTTP2_DATA) self.flood_.on_data_sent();
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
      self.has_named_last_ = true;
      if (!std::exchange(self.has_told_, true)) {
        self.refuse_unlocked(status::kBadRequest, Code::kInvalidArgument, "http2-error");
      }
    }
    bool may_end = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (!may_end || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    H2Stream* stream = find(session, frame->hd.stream_id);
    if (stream == nullptr) return 0;
    stream->is_sent_ = true;
    // RFC 9113 §8.1: the answer is complete, so the client need not send the rest of its request.
    if (stream->input_ended_) return 0;
    return ::nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
  }

  static ssize_t read_body(nghttp2_session* session, std::int32_t id, std::uint8_t*, std::size_t room,
                           std::uint32_t* flags, nghttp2_data_source*, void*) {
    H2Stream* stream = find(session, id);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    std::size_t count = std::min(room, stream->pending_.size());
    bool is_last = stream->is_whole_ && count == stream->pending_.size();
    if (count == 0 && !is_last) return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (!is_last) return static_cast<ssize_t>(count);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream->reply_trailers_.size() == 0) return static_cast<ssize_t>(count);
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    H2Fields fields;
    fields.add_all(stream->reply_trailers_);
    const auto& values = fields.values();
    must(::nghttp2_submit_trailer(session, id, values.data(), values.size()));
    return static_cast<ssize_t>(count);
  }

  // One frame of DATA goes straight from where it lies to the output.
  static int send_body(nghttp2_session* session, Frame* frame, const std::uint8_t* head, std::size_t size,
                       nghttp2_data_source*, void* user) {
    H2Session& self = Callbacks::self(user);
    if (self.output_.size() >= H2Connection::kOutputBytes) return NGHTTP2_ERR_WOULDBLOCK;
    H2Stream* stream = find(session, frame->hd.stream_id);
    // A piece that was taken back after its frame had been begun.
    if (stream == nullptr || size > stream->pending_.size()) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    self.output_.append(text(head, kFrameHeadBytes)).append(stream->pending_.substr(0, size));
    stream->pending_.remove_prefix(size);
    stream->sent_ += size;
    self.sent_ += size;
    if (stream->pending_.empty() && stream->has_fiber_) stream->changed_.broadcast();
    return 0;
  }

  static std::unique_ptr<nghttp2_session, Delete> make(H2Session* session) {
    nghttp2_session_callbacks* calls = nullptr;
    must(::nghttp2_session_callbacks_new(&calls));
    ::nghttp2_session_callbacks_set_on_begin_frame_callback(calls, on_begin_frame);
    ::nghttp2_session_callbacks_set_on_begin_headers_callback(calls, on_begin_headers);
    ::nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    ::nghttp2_session_callbacks_set_on_invalid_header_callback(calls, on_invalid_header);
    ::nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    ::nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    ::nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(calls, on_invalid_frame);
    ::nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_stream_close);
    ::nghttp2_session_callbacks_set_on_frame_send_callback(calls, on_frame_sent);
    ::nghttp2_session_callbacks_set_send_data_callback(calls, send_body);

    nghttp2_option* options = nullptr;
    must(::nghttp2_option_new(&options));
    ::nghttp2_option_set_no_auto_window_update(options, 1);  // handlers decide

    nghttp2_session* made = nullptr;
    must(::nghttp2_session_server_new2(&made, calls, session, options));
    ::nghttp2_option_del(options);
    ::nghttp2_session_callbacks_del(calls);
    return std::unique_ptr<nghttp2_session, Delete>(made);
  }
};

auto H2Session::make_engine() -> std::unique_ptr<nghttp2_session, Delete> { return Callbacks::make(this); }

nghttp2_data_provider H2Session::body_provider() noexcept {
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::read_body;
  return provider;
}

}  // namespace sluice::http::internal
