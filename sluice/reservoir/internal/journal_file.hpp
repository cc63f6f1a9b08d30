// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/reservoir/internal/frame.hpp>
#include <sluice/reservoir/internal/storage.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::reservoir::internal {

/// The ids of the segments that are gone; the file's name.
inline constexpr std::string_view kIdsName = "ids.log";
/// What a file is called until it is complete; without meaning after a crash.
inline constexpr std::string_view kUnfinishedSuffix = ".new";

/// "00000000000000000001.journal"
[[nodiscard]] std::string segment_name(Position first);
/// The first positions of the segments among these names, rising.
[[nodiscard]] std::vector<Position> firsts_of_segments(const std::vector<std::string>& names);

/// A file of a journal, open: a segment or the ids.
struct JournalFile {
  std::string name;
  FileHeader header;
  std::unique_ptr<StorageFile> file;

  /// kDataLoss: "00000000000000000001.journal, byte 64: wrong checksum".
  [[nodiscard]] Error damaged(std::uint64_t offset, Flaw flaw) const;
};

/// Makes it whole under another name first, durable, then gives it its own, so that nobody ever finds half of it. A file
/// of that name is replaced. `bytes` are reserved for it. header.mark is chosen here.
/// After an error the new file may exist all the same, complete and without frames.
Result<std::unique_ptr<JournalFile>> create_journal_file(Context& ctx, Storage& storage, std::string name,
                                                         FileHeader header, std::uint64_t bytes);

/// kDataLoss, kUnimplemented: its header is not one that we can read. kNotFound: there is no such file.
Result<std::unique_ptr<JournalFile>> open_journal_file(Context& ctx, Storage& storage, std::string name, FileKind kind,
                                                       File::Mode mode);

}  // namespace sluice::reservoir::internal
