// SPDX-License-Identifier: MIT
//
// The body of a session's request: read when a handler asks for it, within its limit, its pace and the budget; or dropped.
#include <sluice/http/internal/h1_session.hpp>

#include <algorithm>
#include <span>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>
#include <sluice/http/internal/pace.hpp>

namespace sluice::http::internal {
namespace {

// So much of a body comes through the input buffer, which is there anyway. What follows is read straight to where it
// belongs, into the room that is there; only when that is full, it is doubled. So memory follows what has come, not what
// was announced, for one short read more at each doubling.
constexpr std::size_t kBufferedBodyBytes = H1Connection::kInputBytes;

}  // namespace

Result<void> H1Session::read_body(Context& ctx, std::size_t limit, std::string& body) {
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

Result<void> H1Session::hold_body(std::size_t bytes) {
  if (share_.grow_to(bytes)) return {};
  service_.refusals.on_refusal(status::kServiceUnavailable, Error(Code::kUnavailable).because("body-budget"));
  return fail(Error(Code::kUnavailable, "no memory left for bodies").because("overloaded"));
}

Result<void> H1Session::decode_body(Context& ctx, std::uint64_t limit, std::string* body) {
  H1BodyDecoder decoder(parser_.framing(), service_.options.limits, limit);
  Pace pace(service_.clock, service_.options.transfer_span, service_.options.bytes_per_second);
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
Result<std::size_t> H1Session::read_some_body(Context& ctx, H1BodyDecoder& decoder, std::string* body) {
  if (body == nullptr || body->size() < kBufferedBodyBytes || decoder.plain_left() == 0) return fill(ctx);
  std::size_t had = body->size();
  std::size_t room = had < body->capacity() ? body->capacity() - had : had;
  room = std::min(room, H1Connection::kBodyReadBytes);
  body->resize(had + static_cast<std::size_t>(std::min<std::uint64_t>(decoder.plain_left(), room)));
  auto count = stream_.read(ctx, std::as_writable_bytes(std::span(*body).subspan(had)));
  body->resize(had + count.value_or(0));
  if (count) decoder.skip(*count);
  return count;
}

// Whether the connection can go on after this request, as far as its body is concerned.
bool H1Session::may_leave_body() const noexcept {
  switch (body_state_) {
    case BodyState::kNone:
    case BodyState::kRead: return true;
    case BodyState::kBroken: return false;
    case BodyState::kUnread: break;
  }
  // Who waits to be invited may send the body or not: there is no telling what comes next (RFC 9110 §10.1.1).
  return !parser_.expects_continue() && parser_.framing().kind == H1Framing::Kind::kLength &&
         parser_.framing().length <= service_.options.discard_bytes;
}

bool H1Session::discard_body(Context& ctx) {
  if (body_state_ != BodyState::kUnread) return true;
  return decode_body(ctx, service_.options.discard_bytes, nullptr).has_value();
}

}  // namespace sluice::http::internal
