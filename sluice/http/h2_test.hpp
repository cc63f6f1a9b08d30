// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <sluice/http/h2_connection.hpp>
#include <sluice/http/http_test.hpp>
#include <sluice/http/internal/h2_preface.hpp>

namespace sluice::http {

/// The server's side of an HTTP/2 connection, served on a fiber, and the client's end of its stream. In virtual time only.
class H2Served {
 public:
  H2Served(Context& ctx, Handler handler, H2Options options = {}, std::size_t wire_bytes = kWideWire,
           BodyBudget* bodies = nullptr)
      : ctx_(ctx), handler_(std::move(handler)), requests_(ctx), accepting_(ctx),
        service_{.options = options, .handler = handler_, .clock = runtime_clock(), .refusals = refusals, .bodies = bodies},
        group_(ctx) {
    auto [client, server] = net::memory_pair(wire_bytes);
    client_ = std::move(client);
    server_ = std::make_unique<CountingStream>(std::move(server), counts_);
    group_.go([this](Context&) {
      H2Connection::serve(*server_, service_, requests_, accepting_);
      server_.reset();
    });
  }
  H2Served(const H2Served&) = delete;
  H2Served& operator=(const H2Served&) = delete;
  ~H2Served() {
    client_.reset();
    requests_.cancel();
    accepting_.cancel();
  }

  /// Parks if the wire is full.
  void say(std::string_view bytes) {
    auto written = client_->write(ctx_, as_bytes(bytes));
    EXPECT_TRUE(written) << written.error().describe();
  }
  /// What the server sends until everybody waits.
  std::string hear() {
    let_all_park(ctx_);
    return take_arrived(*client_);
  }
  void wait(Duration length) { EXPECT_TRUE(sleep(ctx_, length)); }
  void hang_up() { client_.reset(); }
  void stop_accepting() { accepting_.cancel(); }
  void cancel_requests(Error why) { requests_.cancel(std::move(why)); }
  /// The server has said its last word, and we have heard it.
  bool is_over() {
    let_all_park(ctx_);
    return server_ == nullptr || client_->peer_has_gone();
  }
  [[nodiscard]] int writes_so_far() const { return counts_.writes; }
  net::Stream& client() { return *client_; }

  RefusalList refusals;

 private:
  Context& ctx_;
  const Handler handler_;
  Context requests_;
  Context accepting_;
  const H2Service service_;
  std::unique_ptr<net::Stream> client_;
  CountingStream::Counts counts_;
  std::unique_ptr<CountingStream> server_;  // null: closed
  TaskGroup group_;
};

using FieldList = std::vector<std::pair<std::string, std::string>>;

inline FieldList h2_get(std::string_view path = "/", FieldList more = {}) {
  FieldList fields = {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", std::string(path)}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}
inline FieldList h2_post(FieldList more = {}) {
  FieldList fields = h2_get("/", std::move(more));
  fields[0].second = "POST";
  return fields;
}

// ---- a client of good manners: nghttp2's ----

/// What came back on a stream.
struct H2Reply {
  int status = 0;
  std::vector<int> interim;
  Headers headers;
  std::string body;
  Headers trailers;
  bool is_closed = false;
  std::uint32_t error_code = 0;  ///< of RST_STREAM, or 0
};

/// A client's connection by nghttp2, which keeps to the protocol whatever it is asked.
class H2Client {
 public:
  /// `takes_all`: windows are returned as data comes; else by open_window() alone.
  explicit H2Client(H2Served& served, bool takes_all = true, std::initializer_list<nghttp2_settings_entry> settings = {})
      : served_(served) {
    nghttp2_session_callbacks* calls = nullptr;
    nghttp2_session_callbacks_new(&calls);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    nghttp2_option* options = nullptr;
    nghttp2_option_new(&options);
    nghttp2_option_set_no_auto_window_update(options, takes_all ? 0 : 1);
    nghttp2_session_client_new2(&session_, calls, this, options);
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(calls);
    std::vector<nghttp2_settings_entry> entries(settings);
    EXPECT_EQ(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), entries.size()), 0);
  }
  H2Client(const H2Client&) = delete;
  H2Client& operator=(const H2Client&) = delete;
  ~H2Client() { nghttp2_session_del(session_); }

  /// Begins a request; its stream. With `body`, that is sent as windows allow and then `trailers`; else the request ends.
  std::int32_t begin(const FieldList& fields, std::string body = {}, FieldList trailers = {}) {
    auto values = values_of(fields);
    bool has_body = !body.empty() || !trailers.empty();
    uploads_.push_back(std::make_unique<Upload>(Upload{std::move(body), 0, std::move(trailers), false}));
    nghttp2_data_provider provider{};
    provider.source.ptr = uploads_.back().get();
    provider.read_callback = read_upload;
    std::int32_t id =
        nghttp2_submit_request(session_, nullptr, values.data(), values.size(), has_body ? &provider : nullptr, nullptr);
    EXPECT_GT(id, 0);
    return id;
  }
  /// A body that is announced by the head and given in pieces: add_body.
  std::int32_t begin_open(const FieldList& fields) {
    auto values = values_of(fields);
    uploads_.push_back(std::make_unique<Upload>(Upload{{}, 0, {}, true}));
    nghttp2_data_provider provider{};
    provider.source.ptr = uploads_.back().get();
    provider.read_callback = read_upload;
    std::int32_t id = nghttp2_submit_request(session_, nullptr, values.data(), values.size(), &provider, nullptr);
    open_uploads_[id] = uploads_.back().get();
    return id;
  }
  void add_body(std::int32_t id, std::string_view piece, bool is_last = false) {
    open_uploads_[id]->body.append(piece);
    open_uploads_[id]->is_open = !is_last;
    nghttp2_session_resume_data(session_, id);
  }

  /// Both sides go on until neither has anything to say.
  void talk() {
    for (;;) {
      bool moved = send();
      std::string heard = served_.hear();
      if (heard.empty() && !moved) return;
      auto taken = nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(heard.data()), heard.size());
      EXPECT_EQ(taken, static_cast<ssize_t>(heard.size())) << "the server breaks the protocol";
    }
  }
  /// Begins it, talks, and gives what came back.
  H2Reply& ask(const FieldList& fields, std::string body = {}, FieldList trailers = {}) {
    std::int32_t id = begin(fields, std::move(body), std::move(trailers));
    talk();
    return replies[id];
  }
  void reset(std::int32_t id, std::uint32_t error_code = NGHTTP2_CANCEL) {
    EXPECT_EQ(nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, error_code), 0);
  }
  void open_window(std::int32_t id, std::int32_t bytes) {
    EXPECT_EQ(nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, id, bytes), 0);
  }
  /// How much of a body the server would take now.
  std::int32_t window_of(std::int32_t id) { return nghttp2_session_get_stream_remote_window_size(session_, id); }
  /// Says what there is to say, and hears nothing. False: nothing.
  bool send() {
    bool moved = false;
    for (;;) {
      const std::uint8_t* bytes = nullptr;
      ssize_t count = nghttp2_session_mem_send(session_, &bytes);
      if (count <= 0) return moved;
      moved = true;
      served_.say({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count)});
    }
  }

  struct GoAway {
    std::int32_t last_stream;
    std::uint32_t error_code;
    friend bool operator==(const GoAway&, const GoAway&) = default;
  };
  std::map<std::int32_t, H2Reply> replies;
  std::vector<GoAway> goaways;

 private:
  struct Upload {
    std::string body;
    std::size_t sent;
    FieldList trailers;
    bool is_open;
  };

  static std::uint8_t* raw(const std::string& text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  }
  static std::vector<nghttp2_nv> values_of(const FieldList& fields) {
    std::vector<nghttp2_nv> values;
    for (const auto& [name, value] : fields) {
      values.push_back({raw(name), raw(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    return values;
  }
  static H2Client& self(void* user) { return *static_cast<H2Client*>(user); }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    H2Reply& reply = self(user).replies[frame->hd.stream_id];
    std::string_view field(reinterpret_cast<const char*>(name), name_size);
    std::string_view text(reinterpret_cast<const char*>(value), value_size);
    if (field == ":status") {
      if (reply.status != 0) reply.interim.push_back(reply.status);
      reply.status = std::stoi(std::string(text));
    } else {
      bool is_trailer = frame->headers.cat == NGHTTP2_HCAT_HEADERS && reply.status >= 200;
      (is_trailer ? reply.trailers : reply.headers).add(field, text);
    }
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      self(user).goaways.push_back({frame->goaway.last_stream_id, frame->goaway.error_code});
    }
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size,
                     void* user) {
    self(user).replies[id].body.append(reinterpret_cast<const char*>(bytes), size);
    return 0;
  }
  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t error_code, void* user) {
    self(user).replies[id].is_closed = true;
    self(user).replies[id].error_code = error_code;
    return 0;
  }
  static ssize_t read_upload(nghttp2_session* session, std::int32_t id, std::uint8_t* room, std::size_t size,
                             std::uint32_t* flags, nghttp2_data_source* source, void*) {
    auto& upload = *static_cast<Upload*>(source->ptr);
    std::size_t count = upload.body.copy(reinterpret_cast<char*>(room), size, upload.sent);
    upload.sent += count;
    bool is_all = upload.sent == upload.body.size();
    if (is_all && upload.is_open && count == 0) return NGHTTP2_ERR_DEFERRED;
    if (!is_all || upload.is_open) return static_cast<ssize_t>(count);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (upload.trailers.empty()) return static_cast<ssize_t>(count);
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    auto values = values_of(upload.trailers);
    nghttp2_submit_trailer(session, id, values.data(), values.size());
    return static_cast<ssize_t>(count);
  }

  H2Served& served_;
  nghttp2_session* session_ = nullptr;
  std::vector<std::unique_ptr<Upload>> uploads_;
  std::map<std::int32_t, Upload*> open_uploads_;
};

// ---- frames by hand, for what no honest client sends ----

/// The types and flags that the tests write down.
enum H2Type : std::uint8_t { kData, kHeaders, kPriority, kRstStream, kSettings, kPushPromise, kPing, kGoAway, kWindowUpdate, kContinuation };
inline constexpr std::uint8_t kEndStream = 0x1;
inline constexpr std::uint8_t kAck = 0x1;
inline constexpr std::uint8_t kEndHeaders = 0x4;
inline constexpr std::uint8_t kPadded = 0x8;

inline std::string big_endian(std::uint64_t number, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text.push_back(static_cast<char>(number >> (8 * i)));
  return text;
}

inline std::string h2_frame(H2Type type, std::uint8_t flags, std::int32_t stream, std::string_view payload = {}) {
  std::string frame = big_endian(payload.size(), 3);
  frame.push_back(static_cast<char>(type));
  frame.push_back(static_cast<char>(flags));
  return frame.append(big_endian(static_cast<std::uint32_t>(stream), 4)).append(payload);
}

/// Fields as HPACK literals that no table remembers (RFC 7541 §6.2.2). Requires: no text longer than 126 bytes.
inline std::string h2_block(const FieldList& fields) {
  std::string block;
  for (const auto& [name, value] : fields) {
    EXPECT_LT(std::max(name.size(), value.size()), 127U);
    block.push_back('\0');
    block.push_back(static_cast<char>(name.size()));
    block.append(name);
    block.push_back(static_cast<char>(value.size()));
    block.append(value);
  }
  return block;
}
inline std::string h2_head(std::int32_t stream, const FieldList& fields, std::uint8_t flags = kEndStream | kEndHeaders) {
  return h2_frame(kHeaders, flags, stream, h2_block(fields));
}
/// What every client begins with.
inline std::string h2_hello() { return std::string(internal::kH2Preface) + h2_frame(kSettings, 0, 0); }

struct H2Frame {
  int type = 0;
  int flags = 0;
  std::int32_t stream = 0;
  std::string payload;
};

/// The frames that lie in `bytes` one behind the other; fails if the last one is not whole.
inline std::vector<H2Frame> h2_frames(std::string_view bytes) {
  auto number = [](std::string_view text) {
    std::uint32_t value = 0;
    for (char c : text) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  };
  std::vector<H2Frame> frames;
  while (!bytes.empty()) {
    std::size_t size = bytes.size() < 9 ? bytes.size() : 9 + number(bytes.substr(0, 3));
    if (size <= 8 || size > bytes.size()) {
      ADD_FAILURE() << "half a frame";
      break;
    }
    frames.push_back({bytes[3], bytes[4], static_cast<std::int32_t>(number(bytes.substr(5, 4))), std::string(bytes.substr(9, size - 9))});
    bytes.remove_prefix(size);
  }
  return frames;
}

/// The error code of the last frame of this type (RST_STREAM on `stream`, GOAWAY); -1 if there is none.
inline int h2_error(const std::vector<H2Frame>& frames, H2Type type, std::int32_t stream = 0) {
  for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
    if (frame->type != type || frame->stream != stream) continue;
    return static_cast<unsigned char>(frame->payload[type == kGoAway ? 7 : 3]);
  }
  return -1;
}

}  // namespace sluice::http
