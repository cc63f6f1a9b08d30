// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include <sluice/base/result.hpp>
#include <sluice/runtime/context.hpp>

struct gzFile_s;

namespace epro {

/// A file's text in pieces, whether it is compressed (gzip) or not, in bounded memory.
///
///   SLUICE_TRY(auto file, TextFile::open(ctx, "vs.csv.gz"));
///   for (;;) { SLUICE_TRY(std::string_view piece, file->read(ctx)); if (piece.empty()) break; … }
///
/// Threads: one fiber at a time; its thread is not stopped meanwhile (blocking()).
class TextFile {
 public:
  static sluice::Result<std::unique_ptr<TextFile>> open(sluice::Context& ctx, const std::filesystem::path& path);
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;
  ~TextFile();

  /// The next piece, borrowed until the next call; empty at the end. kDataLoss: the compressed data is damaged or cut off.
  sluice::Result<std::string_view> read(sluice::Context& ctx);

 private:
  // Some thousand rows at a time.
  static constexpr std::size_t kPieceBytes = std::size_t{128} * 1024;

  TextFile(gzFile_s* file, std::filesystem::path path) : file_(file), path_(std::move(path)), piece_(kPieceBytes) {}

  gzFile_s* const file_;
  const std::filesystem::path path_;
  std::vector<char> piece_;
};

}  // namespace epro
