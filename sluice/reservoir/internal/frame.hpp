// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <sluice/base/clock.hpp>
#include <sluice/reservoir/reservoir.hpp>

// The bytes of a journal's files, without the files. docs/formats/journal.md is their description; a test checks its
// example against this code.
namespace sluice::reservoir::internal {

using JournalId = std::array<std::byte, 16>;
/// Random, made with each file and written before each of its frames. Nobody outside knows it, so a payload that carries
/// the bytes of a frame is never taken for one when a damaged file is searched.
using Mark = std::uint64_t;

inline constexpr std::uint32_t kFormatVersion = 1;
inline constexpr std::size_t kFileHeaderBytes = 64;
inline constexpr std::size_t kFrameHeadBytes = 48;
/// Frames begin at multiples of it, so a search need not try every byte.
inline constexpr std::size_t kFrameAlignment = 8;
/// Four times the largest body that an intake should take. A length beyond it is damage, and nothing is allocated for it.
inline constexpr std::size_t kFrameBytesMax = std::size_t{128} << 20;
/// The count is 16 bits wide. A batch of vital signs has at most 1,000.
inline constexpr std::size_t kKeysMax = 65'535;
/// A note is kept in memory for as long as the journal exists: a receipt's few facts, not a document.
inline constexpr std::size_t kNoteBytesMax = 1'024;

enum class FileKind : std::uint8_t { kSegment, kIds };

/// How each file begins.
struct FileHeader {
  FileKind kind = FileKind::kSegment;
  JournalId journal{};
  Position first = 1;  ///< of the first frame; everything before it was durable when the file was made
  Mark mark = 0;

  friend bool operator==(const FileHeader&, const FileHeader&) = default;
};

[[nodiscard]] std::array<std::byte, kFileHeaderBytes> encode(const FileHeader& header) noexcept;
/// kDataLoss: these are not the bytes of such a header. kUnimplemented: a later version wrote them.
[[nodiscard]] Result<FileHeader> decode_header(std::span<const std::byte> bytes, FileKind kind);

enum class FrameKind : std::uint8_t {
  kRecord = 0,
  kEnd = 1,  ///< no record: written by close(), so that damage of the records before it is not taken for a torn tail
};

struct FrameHead {
  Position position = 0;        ///< of kEnd: the one that comes next
  Position synced_through = 0;  ///< everything up to it was durable when this frame was written
  WallTime received_at = {};
  std::uint8_t type = 0;
  FrameKind kind = FrameKind::kRecord;
};

/// What goes into a frame; borrowed from whoever waits for it.
struct RecordView {
  std::span<const Candidate> keys = {};
  WallTime received_at = {};
  std::uint8_t type = 0;
  std::string_view payload = {};
};

/// How long the frame of this record is; a multiple of kFrameAlignment.
[[nodiscard]] std::size_t frame_bytes(std::span<const Candidate> keys, std::size_t payload_bytes) noexcept;
/// Appends the frame. Requires: at most kKeysMax keys, notes of at most kNoteBytesMax, kFrameBytesMax in all.
void append_frame(std::vector<std::byte>& to, Mark mark, const FrameHead& head, std::span<const Candidate> keys,
                  std::string_view payload);

/// What is wrong, for people: "wrong checksum". Not an Error: to be torn is a frame's ordinary fate.
using Flaw = const char*;
class FrameView;
using Decoded = std::expected<FrameView, Flaw>;

/// A frame that was found whole. Lifetime: as the bytes it was decoded from.
class FrameView {
 public:
  FrameHead head;
  std::size_t bytes = 0;  ///< of the whole frame
  std::string_view payload;

  [[nodiscard]] std::vector<Candidate> keys() const;
  [[nodiscard]] Record to_record() const;

 private:
  friend Decoded decode_frame(std::span<const std::byte> bytes, Mark mark);
  std::span<const std::byte> keys_;  // checked: key_count_ of them fill it exactly
  std::size_t key_count_ = 0;
};

/// The length that the frame beginning here claims to have, if that is possible at all. Requires: kFrameHeadBytes bytes.
[[nodiscard]] std::expected<std::size_t, Flaw> claimed_bytes(std::span<const std::byte> head, Mark mark) noexcept;
/// The frame at the beginning of `bytes`, which may go on behind it.
[[nodiscard]] Decoded decode_frame(std::span<const std::byte> bytes, Mark mark);

}  // namespace sluice::reservoir::internal
