// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <sluice/base/result.hpp>
#include <sluice/http/websocket/close_code.hpp>
#include <sluice/http/websocket/frame.hpp>
#include <sluice/http/websocket/utf8_validator.hpp>

namespace sluice::http::websocket {

/// What one side says to the other.
struct Message {
  enum class Kind : std::uint8_t { kText, kBinary };

  Kind kind = Kind::kText;
  std::string data = {};  ///< UTF-8 if it is text

  friend bool operator==(const Message&, const Message&) = default;
};

/// Makes messages and control frames of the bytes of a connection, however these are split, without I/O.
///
///   SLUICE_TRY(auto step, reader.read(input));      // again and again, with what is not consumed and more
///   if (step.event == MessageReader::Event::kMessage) use(reader.take_message());
///
/// Memory: the message on its way, at most twice what has come of it whatever its frames announce.
/// Refusals, after which it is of no use: kInvalidArgument with those of parse_header, `lone-continuation`,
/// `interrupted-message` (a new one before the last one's end), `bad-utf8` (at the first byte that is wrong, in a text or in
/// why the peer closes), `bad-close` (one byte, or a code that nobody may send), `too-large` (more than the limit: said as
/// soon as a header announces it).
/// Threads: as any value. Source: RFC 6455 §5.4 to §5.6, §8.1.
class MessageReader {
 public:
  enum class Event : std::uint8_t { kNone, kMessage, kPing, kPong, kClose };
  struct Step {
    std::size_t consumed = 0;
    Event event = Event::kNone;  ///< kNone: more input is wanted
  };

  /// `side` is ours. A frame may be as large as a message.
  MessageReader(Side side, std::size_t message_bytes_max) noexcept : side_(side), message_bytes_max_(message_bytes_max) {}

  /// Stops behind the first event.
  Result<Step> read(std::string_view input);

  /// Requires: the last event was kMessage. Call once.
  [[nodiscard]] Message take_message();
  /// What a ping or pong carries; until the next read().
  [[nodiscard]] std::string_view control() const noexcept { return control_; }
  /// What the peer said. Requires: the last event was kClose.
  [[nodiscard]] const Close& close() const noexcept { return close_; }
  /// So much of a message lies here.
  [[nodiscard]] std::size_t bytes_held() const noexcept { return message_.data.size(); }

 private:
  Result<void> begin_frame(const FrameHeader& header);
  Result<void> take_payload(std::string_view piece);
  Result<Event> end_frame();
  Result<void> take_close();

  const Side side_;
  const std::size_t message_bytes_max_;

  bool is_in_frame_ = false;
  FrameHeader frame_;             // the one at hand
  std::uint64_t frame_read_ = 0;  // so much of its payload has come
  bool is_in_message_ = false;    // a fragment has come, the last one has not
  Message message_;
  Utf8Validator text_;
  std::string control_;  // a control frame may stand between two fragments
  Close close_;
};

}  // namespace sluice::http::websocket
