// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/result.hpp>

namespace epro {

using CsvRow = std::vector<std::string>;

/// No export that we know has more; a file beyond these is no table, or its closing quote is missing.
inline constexpr std::size_t kCsvCellMax = 64 * 1024;
inline constexpr std::size_t kCsvColumnsMax = 1024;

/// A table as text comes in pieces whose ends fall anywhere. `CsvReader` gives the rows that each piece completes.
///
///   CsvReader reader;
///   while (…) { SLUICE_TRY(auto rows, reader.feed(piece)); … }
///   SLUICE_TRY(auto last, reader.finish());            // a file may end without a line end
///
/// RFC 4180; also takes LF as line end and a byte order mark in front. kInvalidArgument names the line: a quote inside an
/// unquoted cell, text behind a closing quote, a CR without LF, a file that ends inside quotes, a limit exceeded.
/// After an error the reader is of no more use. Cells are bytes: no encoding is checked, no space trimmed.
class CsvReader {
 public:
  [[nodiscard]] sluice::Result<std::vector<CsvRow>> feed(std::string_view piece);
  /// The last row, if the file did not end with a line end. Requires: nothing is fed afterwards.
  [[nodiscard]] sluice::Result<std::optional<CsvRow>> finish();

  /// The line that is being read; the first is 1.
  [[nodiscard]] std::uint64_t line() const noexcept { return line_; }

 private:
  enum class State : std::uint8_t { kCellStart, kPlain, kQuoted, kQuoteInQuoted, kAfterReturn };

  [[nodiscard]] sluice::Result<void> take(char c, std::vector<CsvRow>& rows);
  [[nodiscard]] sluice::Result<void> take_unquoted(char c, std::vector<CsvRow>& rows);
  [[nodiscard]] sluice::Result<void> add_to_cell(char c);
  [[nodiscard]] sluice::Result<void> end_cell();
  [[nodiscard]] sluice::Result<void> end_row(std::vector<CsvRow>& rows);
  [[nodiscard]] bool skip_byte_order_mark(char c);
  [[nodiscard]] std::unexpected<sluice::Error> refuse(std::string_view why) const;

  State state_ = State::kCellStart;
  std::size_t mark_bytes_seen_ = 0;
  std::uint64_t line_ = 1;
  CsvRow row_;
  std::string cell_;
};

/// Appends the cells as one line of RFC 4180, ended by CR LF; cells that need quotes get them.
///
/// A cell that a spreadsheet would run as a formula (it begins with = + - @, a tab or a CR) gets an apostrophe in front
/// (OWASP, CSV injection), unless it is a number: -7 stays -7. So numbers, dates and codes come out byte for byte, and
/// only such free text does not.
void append_csv_row(std::string& out, const CsvRow& row);

}  // namespace epro
