// SPDX-License-Identifier: MIT
//
//   kPlain ──────────────────────────────────────────────▶ kDone
//   kUntilClose ─────────────────────── (end of stream) ─▶ kDone, by the caller
//   kChunkSize ─▶ kChunkData ─▶ kChunkEnd ─▶ kChunkSize …
//        └─ size 0 ─▶ kTrailer … ─ empty line ───────────▶ kDone
#include <sluice/http/h1_body.hpp>

#include <algorithm>
#include <array>
#include <charconv>

#include <sluice/base/assert.hpp>

namespace sluice::http {
namespace {

using internal::malformed;

constexpr std::string_view kLineEnd = "\r\n";
// They frame a message, send it somewhere, or speak of its connection.
constexpr std::array<std::string_view, 5> kNoTrailers = {"content-length", "transfer-encoding", "host", "connection",
                                                         "upgrade"};

// "1A" or "1A;name=value". Nothing but hexadecimal digits may stand before the extension, not even a blank.
Result<std::uint64_t> parse_chunk_size(std::string_view digits) {
  std::uint64_t size = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
  if (error != std::errc() || end != digits.data() + digits.size()) return malformed("bad-chunk-size");
  return size;
}

// Takes a quoted string off the front: "…" with \-escapes. False: there is none, or it does not end.
bool take_quoted(std::string_view& text) {
  if (!text.starts_with('"')) return false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
    if (text[i] == '\\') ++i;
  }
  return false;
}

bool take_token(std::string_view& text) {
  std::string_view token = text.substr(0, text.find_first_of(";="));
  if (!internal::is_token(token)) return false;
  text.remove_prefix(token.size());
  return true;
}

// RFC 9112 §7.1.1, without the blanks that it lets recipients take: ";name", ";name=value", ";name=\"value\"".
bool is_extension(std::string_view text) {
  if (!internal::is_field_text(text)) return false;
  while (!text.empty()) {
    if (!text.starts_with(';')) return false;
    text.remove_prefix(1);
    if (!take_token(text)) return false;
    if (!text.starts_with('=')) continue;
    text.remove_prefix(1);
    if (!take_quoted(text) && !take_token(text)) return false;
  }
  return true;
}

// RFC 9110 §6.5.1. We drop trailers; whoever puts them among the fields would read another message, or another route.
bool may_be_trailer(std::string_view name) noexcept {
  return std::none_of(kNoTrailers.begin(), kNoTrailers.end(),
                      [&](std::string_view field) { return equal_ignoring_case(name, field); });
}

}  // namespace

H1BodyDecoder::H1BodyDecoder(const H1Framing& framing, const H1Limits& limits, std::uint64_t body_bytes_max)
    : limits_(limits), room_(body_bytes_max) {
  switch (framing.kind) {
    case H1Framing::Kind::kNone: break;
    case H1Framing::Kind::kLength:
      left_ = framing.length;
      if (left_ > 0) state_ = State::kPlain;
      break;
    case H1Framing::Kind::kChunked: state_ = State::kChunkSize; break;
    case H1Framing::Kind::kUntilClose: state_ = State::kUntilClose; break;
  }
}

Result<H1Step> H1BodyDecoder::decode(std::string_view input, std::string* body) {
  H1Step total;
  while (!is_done()) {
    SLUICE_TRY(std::size_t consumed, step(input, body));
    if (consumed == 0) break;
    total.consumed += consumed;
    input.remove_prefix(consumed);
  }
  total.done = is_done();
  return total;
}

Result<std::size_t> H1BodyDecoder::step(std::string_view input, std::string* body) {
  switch (state_) {
    case State::kDone: return 0;
    case State::kPlain:
    case State::kChunkData: return take_plain(input, body);
    case State::kUntilClose: return take_rest(input, body);
    case State::kChunkSize: return take_chunk_size(input);
    case State::kChunkEnd: return take_chunk_end(input);
    case State::kTrailer: return take_trailer(input);
  }
  return 0;
}

Result<std::size_t> H1BodyDecoder::take_plain(std::string_view input, std::string* body) {
  if (state_ == State::kPlain && left_ > room_) return malformed("too-large");
  auto count = static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), left_));
  if (body != nullptr) body->append(input.substr(0, count));
  skip(count);
  return count;
}

void H1BodyDecoder::skip(std::uint64_t count) noexcept {
  SLUICE_ASSERT(count <= left_, "only what is body is skipped");
  left_ -= count;
  room_ -= count;
  if (left_ == 0) state_ = state_ == State::kPlain ? State::kDone : State::kChunkEnd;
}

Result<std::size_t> H1BodyDecoder::take_rest(std::string_view input, std::string* body) {
  if (input.size() > room_) return malformed("too-large");
  room_ -= input.size();
  if (body != nullptr) body->append(input);
  return input.size();
}

Result<std::size_t> H1BodyDecoder::take_chunk_size(std::string_view input) {
  SLUICE_TRY(auto line, lines_.next(input, {limits_.chunk_line_bytes, "chunk-line-too-long"}));
  if (line.consumed == 0) return 0;
  std::size_t digits = std::min(line.text.find(';'), line.text.size());
  SLUICE_TRY(left_, parse_chunk_size(line.text.substr(0, digits)));

  std::string_view extension = line.text.substr(digits);
  if (!is_extension(extension)) return malformed("bad-chunk-extension");
  extension_bytes_ += extension.size();
  if (extension_bytes_ > limits_.chunk_extension_bytes) return malformed("chunk-extensions-too-large");

  if (left_ > room_) return malformed("too-large");
  state_ = left_ > 0 ? State::kChunkData : State::kTrailer;
  return line.consumed;
}

Result<std::size_t> H1BodyDecoder::take_chunk_end(std::string_view input) {
  if (!kLineEnd.starts_with(input.substr(0, kLineEnd.size()))) return malformed("bad-chunk-end");
  if (input.size() < kLineEnd.size()) return 0;
  state_ = State::kChunkSize;
  return kLineEnd.size();
}

Result<std::size_t> H1BodyDecoder::take_trailer(std::string_view input) {
  SLUICE_TRY(auto line, lines_.next(input, {limits_.trailer_bytes - trailer_bytes_, "trailers-too-large"}));
  if (line.consumed == 0) return 0;
  if (line.text.empty()) {
    state_ = State::kDone;
    return line.consumed;
  }
  SLUICE_TRY(auto field, internal::parse_field_line(line.text));
  if (!may_be_trailer(field.name)) return malformed("bad-trailer", field.name);
  trailer_bytes_ += line.consumed;
  return line.consumed;
}

}  // namespace sluice::http
