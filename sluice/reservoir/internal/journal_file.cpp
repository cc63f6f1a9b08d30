// SPDX-License-Identifier: MIT
#include <sluice/reservoir/internal/journal_file.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace sluice::reservoir::internal {
namespace {

constexpr std::string_view kSegmentSuffix = ".journal";
constexpr std::size_t kDigits = 20;  // of the largest 64-bit number, so that names sort as positions do

/// Nothing if it is no segment's name.
std::optional<Position> first_of_segment_name(std::string_view name) {
  if (name.size() != kDigits + kSegmentSuffix.size() || !name.ends_with(kSegmentSuffix)) return std::nullopt;
  Position first = 0;
  const char* const end = name.data() + kDigits;
  auto [at, error] = std::from_chars(name.data(), end, first);
  if (error != std::errc() || at != end || first == 0) return std::nullopt;
  return first;
}

}  // namespace

std::string segment_name(Position first) {
  std::string digits = std::to_string(first);
  return std::string(kDigits - digits.size(), '0').append(digits).append(kSegmentSuffix);
}

std::vector<Position> firsts_of_segments(const std::vector<std::string>& names) {
  std::vector<Position> firsts;
  for (const std::string& name : names)
    if (auto first = first_of_segment_name(name)) firsts.push_back(*first);
  std::ranges::sort(firsts);
  return firsts;
}

Error JournalFile::damaged(std::uint64_t offset, Flaw flaw) const {
  return Error(Code::kDataLoss, name + ", byte " + std::to_string(offset) + ": " + flaw);
}

Result<std::unique_ptr<JournalFile>> create_journal_file(Context& ctx, Storage& storage, std::string name,
                                                         FileHeader header, std::uint64_t bytes) {
  const std::string unfinished = name + std::string(kUnfinishedSuffix);
  // Left by an attempt that failed.
  if (auto removed = storage.remove(ctx, unfinished); !removed && removed.error().code() != Code::kNotFound)
    return fail(std::move(removed).error());
  SLUICE_TRY(auto file, storage.open(ctx, unfinished, File::Mode::kCreate));
  while (header.mark == 0) storage.fill_random(std::as_writable_bytes(std::span(&header.mark, 1)));
  if (bytes > 0) SLUICE_TRY(file->preallocate(ctx, bytes));
  SLUICE_TRY(file->write_at(ctx, 0, encode(header)));
  SLUICE_TRY(file->sync(ctx));
  SLUICE_TRY(storage.rename(ctx, unfinished, name));
  SLUICE_TRY(storage.sync_names(ctx));
  return std::make_unique<JournalFile>(std::move(name), header, std::move(file));
}

Result<std::unique_ptr<JournalFile>> open_journal_file(Context& ctx, Storage& storage, std::string name, FileKind kind,
                                                       File::Mode mode) {
  SLUICE_TRY(auto file, storage.open(ctx, name, mode));
  std::array<std::byte, kFileHeaderBytes> bytes;
  SLUICE_TRY(auto got, file->read_at(ctx, 0, bytes));
  auto header = decode_header(std::span(bytes).first(got), kind);
  if (!header) return fail(std::move(header).error().with(name));
  return std::make_unique<JournalFile>(std::move(name), *header, std::move(file));
}

}  // namespace sluice::reservoir::internal
