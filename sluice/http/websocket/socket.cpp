// SPDX-License-Identifier: MIT
//
// Two fibers: the owner's, and one that reads.
//
//   stream ──▶ input_ ──▶ reader_ ──message──▶ messages_ ──▶ receive()
//                            └──ping, close──▶ writer_ ◀── send_…(), close()
//
// The reader ends with converse(): ok after the peer's Close, else with why the connection is lost. It writes down which,
// then closes messages_, which publishes it.
//
// It waits for bytes, and for room in messages_, under `listening_`, which ends when the server stops; then it says so and
// waits under its group's context, which ends with the socket. Room is a semaphore's unit and not the channel's own: a
// channel would swallow the message when the wait is interrupted.
#include <sluice/http/websocket/socket.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>
#include <sluice/http/body_budget.hpp>
#include <sluice/http/internal/input_buffer.hpp>
#include <sluice/http/websocket/utf8_validator.hpp>
#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/semaphore.hpp>
#include <sluice/runtime/task_group.hpp>

namespace sluice::http::websocket {
namespace {

// A few hundred chat messages a read, and large ones in few; touched only as far as it is used.
constexpr std::size_t kInputBytes = std::size_t{16} * 1024;
// Messages that wait for receive(): a second one would let a slow handler hold more of what the peer sends.
constexpr std::size_t kWaitingMax = 1;

Error peer_gone() { return Error(Code::kCancelled, "the connection ended without a Close").because("peer-gone"); }
Error slow_close() { return Error(Code::kDeadlineExceeded).because("slow-close"); }

// Why the connection is lost after a frame was left in its middle.
Error broken_off(const Error& why) {
  if (why.code() == Code::kUnavailable) return peer_gone();
  if (why.reason() == "slow-reader") return why;
  return Error(Code::kCancelled, "a frame was left in its middle").because("broken-off");
}

// What a failed write of a control frame means to who reads: nothing, if the Close is already on its way.
Result<void> as_end(Result<void> written) {
  if (written || written.error().reason() == "closed") return {};
  if (written.error().code() == Code::kUnavailable) return fail(peer_gone());
  return written;
}

}  // namespace

class Socket::Work {
 public:
  Work(Parts parts, const SocketOptions& options)
      : options_(options),
        owned_(std::move(parts.owned)),
        stream_(parts.stream),
        protocol_(std::move(parts.protocol)),
        reader_(parts.side, options.message_bytes_max),
        writer_(stream_, parts.side, options.frame_time, std::move(parts.entropy)),
        input_(std::max(kInputBytes, parts.early.size())),
        share_(parts.bodies) {
    if (!parts.early.empty()) {
      std::memcpy(input_.space().data(), parts.early.data(), parts.early.size());
      input_.commit(parts.early.size());
    }
    if (parts.parent != nullptr) {
      life_.emplace(*parts.parent);
    } else {
      life_.emplace();
    }
    listening_.emplace(parts.stopping != nullptr ? *parts.stopping : *life_);
    group_.emplace(*life_);
  }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work() { hang_up(Error(Code::kCancelled, "the socket was dropped")); }

  Result<void> start() {
    return group_->go(*life_, [this](Context& ctx) { read_all(ctx); });
  }

  Result<std::optional<Message>> receive(Context& ctx) {
    SLUICE_TRY(auto message, messages_.recv(ctx));
    if (message) {
      room_.release();
      return message;
    }
    if (failure_) return fail(*failure_);
    return std::nullopt;
  }

  Result<void> send(Context& ctx, Opcode kind, std::string_view data) {
    auto sent = writer_.send_message(ctx, kind, data);
    if (!sent && writer_.is_broken()) hang_up(broken_off(sent.error()));
    return sent;
  }

  Result<void> close(Context& ctx, CloseCode code, std::string_view reason) {
    SLUICE_ASSERT(is_utf8(reason), "a reason is text");
    static_cast<void>(writer_.send_close(ctx, code, reason));  // if it fails, there is nobody to wait for: see below
    Context limited(ctx, options_.close_time);
    for (;;) {
      auto message = receive(limited);
      if (message && *message) continue;
      if (message) return {};
      Error why = std::move(message).error();
      if (limited.is_cancelled() && !ctx.is_cancelled()) why = slow_close();
      hang_up(why);
      return fail(std::move(why));
    }
  }

  Result<void> finish(Context& ctx, Result<void> result) {
    bool was_alive = !life_->is_cancelled();
    static_cast<void>(close(ctx, result ? CloseCode::kNormal : CloseCode::kInternalError, {}));  // failure_ says it
    hang_up(Error(Code::kCancelled));
    static_cast<void>(group_->wait());
    if (failure_ && failure_->code() != Code::kCancelled) return fail(*failure_);
    if (!result && was_alive) return fail(std::move(result).error().because("broken-upgrade"));
    return {};
  }

  [[nodiscard]] const Close& peer_close() const noexcept { return peer_close_; }
  [[nodiscard]] std::string_view protocol() const noexcept { return protocol_; }
  [[nodiscard]] Context& context() noexcept { return *life_; }

 private:
  // Ends the fiber that reads. Its group first: it asks that whenever listening_ has ended.
  void hang_up(Error why) {
    group_->context().cancel(std::move(why));
    listening_->cancel();
  }

  void read_all(Context& ctx) {
    auto conversed = converse(ctx);
    if (!conversed) failure_ = std::move(conversed).error();
    bool peer_is_to_blame = failure_ && failure_->code() != Code::kCancelled && failure_->code() != Code::kDeadlineExceeded;
    if (peer_is_to_blame) static_cast<void>(writer_.send_close(ctx, close_code_of(*failure_), failure_->reason()));
    messages_.close();
    if (failure_) return life_->cancel(*failure_);
    if (sleep(ctx, options_.close_time)) life_->cancel(Error(Code::kCancelled, "the peer has closed").because("closed"));
  }

  // Ok: the peer has closed, and was answered.
  Result<void> converse(Context& ctx) {
    for (;;) {
      SLUICE_TRY(auto step, reader_.read(input_.view()));
      input_.consume(step.consumed);
      SLUICE_TRY(count_message());
      switch (step.event) {
        case MessageReader::Event::kNone: SLUICE_TRY(fill(ctx)); break;
        case MessageReader::Event::kMessage: SLUICE_TRY(pass_on(ctx)); break;
        case MessageReader::Event::kPing: SLUICE_TRY(as_end(writer_.send_pong(ctx, reader_.control()))); break;
        case MessageReader::Event::kPong: break;
        case MessageReader::Event::kClose:
          peer_close_ = reader_.close();
          return as_end(writer_.send_close(ctx, peer_close_.code, {}));
      }
    }
  }

  Result<void> count_message() {
    if (share_.grow_to(reader_.bytes_held())) return {};
    return fail(Error(Code::kUnavailable, "no memory left for messages").because("overloaded"));
  }

  Result<void> pass_on(Context& ctx) {
    SLUICE_TRY(wait(ctx, [this](Context& limit) { return room_.acquire(limit); }));
    Message message = reader_.take_message();
    share_.release();
    bool has_room = messages_.try_send(message);
    SLUICE_ASSERT(has_room, "there is room for as many as the semaphore lets in");
    return {};
  }

  Result<void> fill(Context& ctx) {
    for (;;) {
      auto count = wait(ctx, [this](Context& parent) {
        Context limit(parent, patience());
        return stream_.read(limit, input_.space());
      });
      if (count && *count > 0) {
        input_.commit(*count);
        awaits_sign_ = false;
        return {};
      }
      SLUICE_TRY(ctx.check());
      if (count || count.error().code() != Code::kDeadlineExceeded) return fail(peer_gone());
      SLUICE_TRY(on_silence(ctx));
    }
  }

  Result<void> on_silence(Context& ctx) {
    if (!close_by_.is_never()) return fail(slow_close());
    if (std::exchange(awaits_sign_, true)) return fail(Error(Code::kDeadlineExceeded).because("silent-peer"));
    return as_end(writer_.send_ping(ctx));
  }

  // How long the peer may be silent.
  Deadline patience() const {
    if (!close_by_.is_never() || options_.ping_interval == Duration::zero()) return close_by_;
    return Deadline::after(runtime_clock(), options_.ping_interval);
  }

  // Waits until it is done or the socket ends; if the server stops meanwhile, the peer is told.
  template <class Wait>
  auto wait(Context& ctx, Wait wait_under) -> decltype(wait_under(ctx)) {
    if (close_by_.is_never()) {
      auto done = wait_under(*listening_);
      if (done || !listening_->is_cancelled()) return done;
      SLUICE_TRY(ctx.check());
      SLUICE_TRY(go_away(ctx));
    }
    return wait_under(ctx);
  }

  Result<void> go_away(Context& ctx) {
    close_by_ = Deadline::after(runtime_clock(), options_.close_time);
    return as_end(writer_.send_close(ctx, CloseCode::kGoingAway, {}));
  }

  const SocketOptions options_;
  const std::unique_ptr<net::Stream> owned_;  // null: somebody else's
  net::Stream& stream_;
  const std::string protocol_;

  // Of the fiber that reads:
  MessageReader reader_;
  FrameWriter writer_;  // of all
  internal::InputBuffer input_;
  BodyShare share_;            // for the message on its way
  bool awaits_sign_ = false;   // it was pinged since something came
  Deadline close_by_;          // when the peer must have answered that we go away; never: we do not

  Chan<Message> messages_{kWaitingMax};
  Semaphore room_{kWaitingMax};     // in messages_
  std::optional<Error> failure_;    // written before messages_ is closed, read after
  Close peer_close_;                // as failure_

  // optional: made in the constructor's body, for what they hang on is optional itself.
  std::optional<Context> life_;
  std::optional<Context> listening_;
  std::optional<TaskGroup> group_;
};

Socket::Socket(std::unique_ptr<Work> work) : work_(std::move(work)) {}

Socket::~Socket() = default;

Result<std::unique_ptr<Socket>> Socket::open(Parts parts, const SocketOptions& options) {
  auto work = std::make_unique<Work>(std::move(parts), options);
  SLUICE_TRY(work->start());
  return std::unique_ptr<Socket>(new Socket(std::move(work)));
}

Result<std::optional<Message>> Socket::receive(Context& ctx) { return work_->receive(ctx); }

Result<void> Socket::send_text(Context& ctx, std::string_view text) {
  if (!is_utf8(text)) return fail(Error(Code::kInvalidArgument, "a text is UTF-8").because("bad-utf8"));
  return work_->send(ctx, Opcode::kText, text);
}

Result<void> Socket::send_binary(Context& ctx, std::span<const std::byte> bytes) {
  return work_->send(ctx, Opcode::kBinary, as_text(bytes));
}

Result<void> Socket::close(Context& ctx, CloseCode code, std::string_view reason) {
  return work_->close(ctx, code, reason);
}

Result<void> Socket::finish(Context& ctx, Result<void> result) { return work_->finish(ctx, std::move(result)); }

const Close& Socket::peer_close() const noexcept { return work_->peer_close(); }
std::string_view Socket::protocol() const noexcept { return work_->protocol(); }
Context& Socket::context() noexcept { return work_->context(); }

}  // namespace sluice::http::websocket
