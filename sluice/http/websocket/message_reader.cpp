// SPDX-License-Identifier: MIT
#include <sluice/http/websocket/message_reader.hpp>

#include <algorithm>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/http/internal/h1_lines.hpp>

namespace sluice::http::websocket {

using internal::malformed;

Result<MessageReader::Step> MessageReader::read(std::string_view input) {
  Step step;
  for (;;) {
    std::string_view rest = input.substr(step.consumed);
    if (!is_in_frame_) {
      SLUICE_TRY(HeaderStep head, parse_header(rest, side_));
      if (head.consumed == 0) return step;
      SLUICE_TRY(begin_frame(head.header));
      step.consumed += head.consumed;
      rest.remove_prefix(head.consumed);
    }
    std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(rest.size(), frame_.length - frame_read_));
    SLUICE_TRY(take_payload(rest.substr(0, count)));
    step.consumed += count;
    if (frame_read_ < frame_.length) return step;
    SLUICE_TRY(step.event, end_frame());
    if (step.event != Event::kNone) return step;
  }
}

Result<void> MessageReader::begin_frame(const FrameHeader& header) {
  is_in_frame_ = true;
  frame_ = header;
  frame_read_ = 0;
  if (is_control(header.opcode)) {
    control_.clear();
    return {};
  }
  bool continues = header.opcode == Opcode::kContinuation;
  if (continues && !is_in_message_) return malformed("lone-continuation");
  if (!continues && is_in_message_) return malformed("interrupted-message");
  if (!continues) message_.kind = header.opcode == Opcode::kText ? Message::Kind::kText : Message::Kind::kBinary;
  is_in_message_ = true;
  if (header.length > message_bytes_max_ - message_.data.size()) return malformed("too-large");
  return {};
}

Result<void> MessageReader::take_payload(std::string_view piece) {
  std::string& target = is_control(frame_.opcode) ? control_ : message_.data;
  std::size_t had = target.size();
  target.append(piece);
  if (frame_.mask) apply_mask(target.data() + had, piece.size(), *frame_.mask, frame_read_);
  frame_read_ += piece.size();
  bool is_text = !is_control(frame_.opcode) && message_.kind == Message::Kind::kText;
  if (is_text && !text_.take(std::string_view(target).substr(had))) return malformed("bad-utf8");
  return {};
}

Result<MessageReader::Event> MessageReader::end_frame() {
  is_in_frame_ = false;
  switch (frame_.opcode) {
    case Opcode::kPing: return Event::kPing;
    case Opcode::kPong: return Event::kPong;
    case Opcode::kClose: SLUICE_TRY(take_close()); return Event::kClose;
    case Opcode::kContinuation:
    case Opcode::kText:
    case Opcode::kBinary: break;
  }
  if (!frame_.is_final) return Event::kNone;
  if (!text_.is_complete()) return malformed("bad-utf8");
  is_in_message_ = false;
  return Event::kMessage;
}

// RFC 6455 §5.5.1: nothing, or a code of two bytes and a text.
Result<void> MessageReader::take_close() {
  close_ = Close{};
  if (control_.empty()) return {};
  if (control_.size() == 1) return malformed("bad-close");
  auto byte = [this](std::size_t at) { return static_cast<std::uint8_t>(control_[at]); };
  close_.code = CloseCode(byte(0) << 8 | byte(1));
  if (!may_be_sent(close_.code)) return malformed("bad-close");
  close_.reason = control_.substr(2);
  if (!is_utf8(close_.reason)) return malformed("bad-utf8");
  return {};
}

Message MessageReader::take_message() {
  SLUICE_ASSERT(!is_in_message_, "a message is taken when it is complete");
  return std::exchange(message_, {});
}

}  // namespace sluice::http::websocket
