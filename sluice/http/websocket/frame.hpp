// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sluice/base/result.hpp>

namespace sluice::http::websocket {

enum class Opcode : std::uint8_t {
  kContinuation = 0x0,
  kText = 0x1,
  kBinary = 0x2,
  kClose = 0x8,
  kPing = 0x9,
  kPong = 0xA,
};

/// Close, ping and pong: short, in one piece, and allowed between the fragments of a message.
[[nodiscard]] constexpr bool is_control(Opcode opcode) noexcept { return (static_cast<std::uint8_t>(opcode) & 0x8) != 0; }

/// Which side of a connection we are. What a client sends is masked, what a server sends is not.
enum class Side : std::uint8_t { kServer, kClient };

using MaskKey = std::array<std::uint8_t, 4>;

/// What stands before a frame's payload.
struct FrameHeader {
  bool is_final = true;  ///< the last fragment of its message, or the only one
  Opcode opcode = Opcode::kText;
  std::uint64_t length = 0;  ///< of the payload
  std::optional<MaskKey> mask = std::nullopt;

  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

inline constexpr std::size_t kHeaderBytesMax = 14;
inline constexpr std::size_t kControlPayloadMax = 125;

struct HeaderStep {
  std::size_t consumed = 0;  ///< 0: the header is not complete; come again with these bytes and more
  FrameHeader header = {};
};

/// Reads the header that `input` begins with; `side` is ours. kInvalidArgument: `reserved-bits` (no extension was agreed
/// on), `reserved-opcode`, `unmasked-frame`, `masked-frame`, `fragmented-control`, `long-control`, `bad-length` (more
/// bytes than needed, or the highest bit set).
/// Source: RFC 6455 §5.2.
[[nodiscard]] Result<HeaderStep> parse_header(std::string_view input, Side side);

/// Puts the header at the end of `out`, with the shortest length.
void append_header(std::string& out, const FrameHeader& header);

/// Masks or unmasks bytes (the same operation) that stand `offset` bytes into a frame's payload.
void apply_mask(char* bytes, std::size_t count, const MaskKey& key, std::uint64_t offset) noexcept;

}  // namespace sluice::http::websocket
