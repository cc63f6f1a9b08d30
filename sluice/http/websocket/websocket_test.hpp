// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <sluice/http/websocket/close_code.hpp>
#include <sluice/http/websocket/frame.hpp>
#include <sluice/http/websocket/message_reader.hpp>

namespace sluice::http::websocket {

inline constexpr MaskKey kTestMask = {0x37, 0xfa, 0x21, 0x3d};  // of the examples in RFC 6455 §5.7

/// A frame as this side sends it: masked by clients.
inline std::string frame(Side sender, Opcode opcode, std::string_view payload, bool is_final = true) {
  FrameHeader header{.is_final = is_final, .opcode = opcode, .length = payload.size()};
  if (sender == Side::kClient) header.mask = kTestMask;
  std::string out;
  append_header(out, header);
  std::size_t begin = out.size();
  out.append(payload);
  if (header.mask) apply_mask(out.data() + begin, payload.size(), *header.mask, 0);
  return out;
}

/// What a client sends.
inline std::string text(std::string_view payload) { return frame(Side::kClient, Opcode::kText, payload); }
inline std::string binary(std::string_view payload) { return frame(Side::kClient, Opcode::kBinary, payload); }
inline std::string ping(std::string_view payload) { return frame(Side::kClient, Opcode::kPing, payload); }
inline std::string pong(std::string_view payload) { return frame(Side::kClient, Opcode::kPong, payload); }
inline std::string begin_text(std::string_view payload) { return frame(Side::kClient, Opcode::kText, payload, false); }
inline std::string more(std::string_view payload) { return frame(Side::kClient, Opcode::kContinuation, payload, false); }
inline std::string last(std::string_view payload) { return frame(Side::kClient, Opcode::kContinuation, payload); }

/// What a Close says.
inline std::string close_body(unsigned code, std::string_view reason = "") {
  std::string body = {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  return body.append(reason);
}
inline std::string close_frame(unsigned code, std::string_view reason = "", Side sender = Side::kClient) {
  return frame(sender, Opcode::kClose, close_body(code, reason));
}

inline std::string describe(const MessageReader& reader, MessageReader::Event event) {
  switch (event) {
    case MessageReader::Event::kPing: return "ping(" + std::string(reader.control()) + ")";
    case MessageReader::Event::kPong: return "pong(" + std::string(reader.control()) + ")";
    case MessageReader::Event::kClose:
      return "close(" + std::to_string(static_cast<unsigned>(reader.close().code)) + "," + reader.close().reason + ")";
    case MessageReader::Event::kNone:
    case MessageReader::Event::kMessage: break;
  }
  return {};
}

/// Reads what comes piece by piece, and tells it: "text(hello) ping(x) close(1000,bye)", "!bad-utf8" at a refusal.
class Transcript {
 public:
  Transcript(Side reader, std::size_t message_bytes_max) : reader_(reader, message_bytes_max) {}

  void feed(std::string_view bytes) {
    input_.append(bytes);
    while (!is_over_) {
      auto step = reader_.read(input_);
      if (!step) {
        is_over_ = true;
        return say("!" + std::string(step.error().reason()));
      }
      input_.erase(0, step->consumed);
      if (step->event == MessageReader::Event::kNone) return;
      if (step->event == MessageReader::Event::kMessage) {
        Message message = reader_.take_message();
        say((message.kind == Message::Kind::kText ? "text(" : "binary(") + message.data + ")");
      } else {
        say(describe(reader_, step->event));
        is_over_ = step->event == MessageReader::Event::kClose;
      }
    }
  }
  [[nodiscard]] const std::string& told() const noexcept { return told_; }
  [[nodiscard]] bool is_over() const noexcept { return is_over_; }
  [[nodiscard]] const MessageReader& reader() const noexcept { return reader_; }

 private:
  void say(const std::string& what) { told_.append(told_.empty() ? "" : " ").append(what); }

  MessageReader reader_;
  std::string input_;
  std::string told_;
  bool is_over_ = false;
};

/// What this side understands of `bytes`, whole.
inline std::string understood(Side reader, std::string_view bytes, std::size_t message_bytes_max = 1 << 20) {
  Transcript transcript(reader, message_bytes_max);
  transcript.feed(bytes);
  return transcript.told();
}

}  // namespace sluice::http::websocket
