// SPDX-License-Identifier: MIT
#include <apps/epro/record/csv.hpp>

#include <utility>

#include <apps/epro/record/value.hpp>

namespace epro {
namespace {

using sluice::Result;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool would_run_as_formula(std::string_view cell) {
  return !cell.empty() && std::string_view("=+-@\t\r").contains(cell.front()) && !is_json_number(cell);
}

void append_cell(std::string& out, std::string_view cell) {
  bool is_guarded = would_run_as_formula(cell);
  bool is_quoted = cell.find_first_of("\",\r\n") != std::string_view::npos;
  if (is_quoted) out += '"';
  if (is_guarded) out += '\'';
  for (char c : cell) {
    if (c == '"') out += '"';
    out += c;
  }
  if (is_quoted) out += '"';
}

}  // namespace

Result<std::vector<CsvRow>> CsvReader::feed(std::string_view piece) {
  std::vector<CsvRow> rows;
  for (char c : piece) SLUICE_TRY(take(c, rows));
  return rows;
}

Result<std::optional<CsvRow>> CsvReader::finish() {
  if (state_ == State::kQuoted) return refuse("the file ends inside quotes");
  if (state_ == State::kAfterReturn) return refuse("a carriage return without a line feed");
  if (state_ == State::kCellStart && row_.empty()) return std::nullopt;
  SLUICE_TRY(end_cell());
  return std::move(row_);
}

Result<void> CsvReader::take(char c, std::vector<CsvRow>& rows) {
  if (skip_byte_order_mark(c)) return {};
  switch (state_) {
    case State::kQuoted:
      if (c == '\n') ++line_;
      if (c != '"') return add_to_cell(c);
      state_ = State::kQuoteInQuoted;
      return {};
    case State::kQuoteInQuoted:
      if (c != '"') break;
      state_ = State::kQuoted;
      return add_to_cell('"');
    case State::kAfterReturn:
      if (c != '\n') return refuse("a carriage return without a line feed");
      return end_row(rows);
    case State::kCellStart:
      if (c != '"') break;
      state_ = State::kQuoted;
      return {};
    case State::kPlain: break;
  }
  return take_unquoted(c, rows);
}

Result<void> CsvReader::take_unquoted(char c, std::vector<CsvRow>& rows) {
  switch (c) {
    case ',': return end_cell();
    case '\n': return end_row(rows);
    case '\r': state_ = State::kAfterReturn; return {};
    case '"': return refuse("a quote inside a cell that does not begin with one");
    default: break;
  }
  if (state_ == State::kQuoteInQuoted) return refuse("text behind a closing quote");
  state_ = State::kPlain;
  return add_to_cell(c);
}

Result<void> CsvReader::add_to_cell(char c) {
  if (cell_.size() == kCsvCellMax) return refuse("a cell is too long");
  cell_ += c;
  return {};
}

Result<void> CsvReader::end_cell() {
  if (row_.size() == kCsvColumnsMax) return refuse("too many columns");
  row_.push_back(std::exchange(cell_, {}));
  state_ = State::kCellStart;
  return {};
}

Result<void> CsvReader::end_row(std::vector<CsvRow>& rows) {
  SLUICE_TRY(end_cell());
  rows.push_back(std::exchange(row_, {}));
  ++line_;
  return {};
}

/// True while the first bytes of the file are those of the mark. Bytes that only begin like one belong to the first cell.
bool CsvReader::skip_byte_order_mark(char c) {
  if (mark_bytes_seen_ == kByteOrderMark.size()) return false;
  if (c == kByteOrderMark[mark_bytes_seen_]) {
    ++mark_bytes_seen_;
    return true;
  }
  if (mark_bytes_seen_ > 0) state_ = State::kPlain;
  cell_ = kByteOrderMark.substr(0, std::exchange(mark_bytes_seen_, kByteOrderMark.size()));
  return false;
}

std::unexpected<sluice::Error> CsvReader::refuse(std::string_view why) const {
  return sluice::fail(sluice::Error(sluice::Code::kInvalidArgument, std::string(why))
                          .with("line " + std::to_string(line_))
                          .because("bad-csv"));
}

void append_csv_row(std::string& out, const CsvRow& row) {
  bool is_first = true;
  for (const std::string& cell : row) {
    if (!std::exchange(is_first, false)) out += ',';
    append_cell(out, cell);
  }
  out += "\r\n";
}

}  // namespace epro
