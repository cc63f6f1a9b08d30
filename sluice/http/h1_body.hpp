// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <sluice/base/result.hpp>
#include <sluice/http/h1_limits.hpp>
#include <sluice/http/internal/h1_lines.hpp>

namespace sluice::http {

/// Where a message's body ends (RFC 9112 §6.3).
struct H1Framing {
  enum class Kind : std::uint8_t {
    kNone,
    kLength,      ///< after `length` bytes
    kChunked,
    kUntilClose,  ///< a response only
  };
  Kind kind = Kind::kNone;
  std::uint64_t length = 0;

  [[nodiscard]] bool has_body() const noexcept {
    return kind == Kind::kChunked || kind == Kind::kUntilClose || length > 0;
  }
};

/// How far a decoder got.
struct H1Step {
  std::size_t consumed = 0;  ///< bytes of the input that are done with; keep the others and come again with more
  bool done = false;
};

/// Takes a body out of the bytes of a connection, whatever way they are split.
/// kInvalidArgument: `too-large`, `bad-chunk-size`, `chunk-line-too-long`, `bad-chunk-extension`,
/// `chunk-extensions-too-large`, `bad-chunk-end`, `trailers-too-large`, `bad-trailer` (a field that frames or routes a
/// message), `bare-lf`, or what a field line is refused for.
/// After an error it is of no use.
/// Threads: as any value.
class H1BodyDecoder {
 public:
  H1BodyDecoder() = default;
  /// A body of more than `body_bytes_max` bytes is `too-large`, said as soon as it is known.
  H1BodyDecoder(const H1Framing& framing, const H1Limits& limits, std::uint64_t body_bytes_max);

  /// Adds what it decodes to `body`; null: drops it.
  Result<H1Step> decode(std::string_view input, std::string* body);
  [[nodiscard]] bool is_done() const noexcept { return state_ == State::kDone; }

  /// How many bytes will follow that are body and nothing else: so many may be read straight into it, and then are told
  /// to skip(). 0 if that is not known.
  [[nodiscard]] std::uint64_t plain_left() const noexcept { return state_ == State::kPlain ? left_ : 0; }
  void skip(std::uint64_t count) noexcept;

 private:
  enum class State : std::uint8_t { kDone, kPlain, kUntilClose, kChunkSize, kChunkData, kChunkEnd, kTrailer };

  Result<std::size_t> step(std::string_view input, std::string* body);
  Result<std::size_t> take_plain(std::string_view input, std::string* body);
  Result<std::size_t> take_rest(std::string_view input, std::string* body);
  Result<std::size_t> take_chunk_size(std::string_view input);
  Result<std::size_t> take_chunk_end(std::string_view input);
  Result<std::size_t> take_trailer(std::string_view input);

  State state_ = State::kDone;
  H1Limits limits_;
  std::uint64_t left_ = 0;            // of the plain body, or of this chunk
  std::uint64_t room_ = 0;            // bytes until the body is too large
  std::size_t extension_bytes_ = 0;
  std::size_t trailer_bytes_ = 0;
  internal::LineScanner lines_;
};

}  // namespace sluice::http
