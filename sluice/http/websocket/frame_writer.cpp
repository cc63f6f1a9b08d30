// SPDX-License-Identifier: MIT
#include <sluice/http/websocket/frame_writer.hpp>

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>

namespace sluice::http::websocket {
namespace {

Error closed() { return Error(Code::kCancelled).because("closed"); }

// Gives a turn back at the end of a scope.
class Turn {
 public:
  explicit Turn(Semaphore& semaphore) noexcept : semaphore_(semaphore) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { semaphore_.release(); }

 private:
  Semaphore& semaphore_;
};

std::string close_payload(CloseCode code, std::string_view reason) {
  if (code == CloseCode::kNone) return {};
  auto number = static_cast<std::uint16_t>(code);
  std::string payload = {static_cast<char>(number >> 8), static_cast<char>(number & 0xFF)};
  return payload.append(reason);
}

}  // namespace

FrameWriter::FrameWriter(net::Stream& stream, Side side, Duration frame_time, Entropy entropy)
    : stream_(stream), side_(side), frame_time_(frame_time), entropy_(std::move(entropy)) {
  SLUICE_ASSERT((side == Side::kClient) == (entropy_ != nullptr), "clients mask, and only they");
}

Result<void> FrameWriter::send_message(Context& ctx, Opcode kind, std::string_view data) {
  SLUICE_TRY(message_turn_.acquire(ctx));
  Turn turn(message_turn_);
  for (Opcode opcode = kind;; opcode = Opcode::kContinuation) {
    std::string_view fragment = data.substr(0, kFragmentBytes);
    data.remove_prefix(fragment.size());
    SLUICE_TRY(frame_turn_.acquire(ctx));
    auto written = write_frame(ctx, opcode, data.empty(), fragment);
    auto others = write_waiting(ctx);
    SLUICE_TRY(written);
    if (data.empty()) return {};
    SLUICE_TRY(others);
  }
}

Result<void> FrameWriter::send_ping(Context& ctx) {
  return send_control(ctx, [](Waiting& waiting) { waiting.ping = true; });
}

Result<void> FrameWriter::send_pong(Context& ctx, std::string_view data) {
  SLUICE_ASSERT(data.size() <= kControlPayloadMax, "a control frame is short");
  return send_control(ctx, [&](Waiting& waiting) { waiting.pong = data; });
}

Result<void> FrameWriter::send_close(Context& ctx, CloseCode code, std::string_view reason) {
  SLUICE_ASSERT(code == CloseCode::kNone ? reason.empty() : may_be_sent(code), "a code that may be sent");
  SLUICE_ASSERT(reason.size() + 2 <= kControlPayloadMax, "a control frame is short");
  return send_control(ctx, [&](Waiting& waiting) {
    waiting.close = close_payload(code, reason);
    has_closed_ = true;
  });
}

bool FrameWriter::is_broken() {
  std::lock_guard hold(mutex_);
  return is_broken_;
}

template <class Put>
Result<void> FrameWriter::send_control(Context& ctx, Put put) {
  {
    std::lock_guard hold(mutex_);
    if (has_closed_) return fail(closed());
    put(waiting_);
    if (!frame_turn_.try_acquire()) return {};  // who has the turn looks here, under this lock, before it gives it back
  }
  return write_waiting(ctx);
}

// Writes the control frames that wait, and gives the turn back. Requires: the turn.
Result<void> FrameWriter::write_waiting(Context& ctx) {
  Result<void> written;
  Opcode opcode{};
  for (std::string payload; take_waiting(opcode, payload);) {
    if (auto frame = write_frame(ctx, opcode, true, payload); !frame && written) written = std::move(frame);
  }
  return written;
}

// The next control frame. If there is none the turn is given back, in the same breath, so that none is left behind.
bool FrameWriter::take_waiting(Opcode& opcode, std::string& payload) {
  std::lock_guard hold(mutex_);
  payload.clear();
  if (waiting_.pong) {
    opcode = Opcode::kPong;
    payload = *std::exchange(waiting_.pong, std::nullopt);
  } else if (std::exchange(waiting_.ping, false)) {
    opcode = Opcode::kPing;
  } else if (waiting_.close) {
    opcode = Opcode::kClose;
    payload = *std::exchange(waiting_.close, std::nullopt);
  } else {
    frame_turn_.release();
    return false;
  }
  return true;
}

// What waits was accepted before the Close, which goes last.
bool FrameWriter::may_write(Opcode opcode) {
  std::lock_guard hold(mutex_);
  return !is_broken_ && (is_control(opcode) || !has_closed_);
}

void FrameWriter::mark_broken() {
  std::lock_guard hold(mutex_);
  is_broken_ = true;
}

// Requires: the turn.
Result<void> FrameWriter::write_frame(Context& ctx, Opcode opcode, bool is_final, std::string_view payload) {
  if (!may_write(opcode)) return fail(closed());
  FrameHeader header{.is_final = is_final, .opcode = opcode, .length = payload.size()};
  if (side_ == Side::kClient) entropy_(std::as_writable_bytes(std::span(header.mask.emplace())));
  output_.clear();
  append_header(output_, header);
  if (header.mask) {
    std::size_t begin = output_.size();
    output_.append(payload);
    apply_mask(output_.data() + begin, payload.size(), *header.mask, 0);
    payload = {};
  }
  auto written = write(ctx, output_, payload);
  if (!written) mark_broken();
  return written;
}

// All of both, at once if the stream has room for it, for a timer costs more than a small frame.
Result<void> FrameWriter::write(Context& ctx, std::string_view head, std::string_view payload) {
  std::array<std::span<const std::byte>, 2> pieces{as_bytes(head), as_bytes(payload)};
  SLUICE_TRY(std::size_t sent, stream_.try_write(pieces));
  if (sent == head.size() + payload.size()) return {};
  std::size_t of_head = std::min(sent, head.size());
  pieces = {as_bytes(head.substr(of_head)), as_bytes(payload.substr(sent - of_head))};
  Context limited(ctx, frame_time_);
  auto written = stream_.write(limited, pieces);
  if (written || ctx.is_cancelled() || !limited.is_cancelled()) return written;
  return fail(Error(Code::kDeadlineExceeded).because("slow-reader"));
}

}  // namespace sluice::http::websocket
