// SPDX-License-Identifier: MIT
#include <apps/epro/record/range.hpp>

#include <charconv>
#include <cmath>

namespace epro {
namespace {

/// The end of a range, `open_value` if it is left out; NaN for what is no number.
double parse_end(std::string_view text, double open_value) {
  if (text.empty()) return open_value;
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool is_whole = error == std::errc() && end == text.data() + text.size();
  return is_whole && std::isfinite(number) ? number : std::numeric_limits<double>::quiet_NaN();
}

void append_end(std::string& out, double number) {
  if (std::isinf(number)) return;
  char digits[32];
  auto [end, error] = std::to_chars(digits, digits + sizeof digits, number + 0.0);  // no "-0": equal ends, equal text
  out.append(digits, end);
}

}  // namespace

bool Range::contains(double number) const noexcept {
  bool above_low = includes_low ? number >= low : number > low;
  bool below_high = includes_high ? number <= high : number < high;
  return above_low && below_high;
}

bool Range::lies_within(const Range& outer) const noexcept {
  bool low_fits = low > outer.low || (low == outer.low && (outer.includes_low || !includes_low));
  bool high_fits = high < outer.high || (high == outer.high && (outer.includes_high || !includes_high));
  return low_fits && high_fits;
}

std::optional<Range> parse_range(std::string_view text) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || text.size() - colon < 2) return std::nullopt;
  char opening = text.front();
  char closing = text.back();
  if ((opening != '[' && opening != '(') || (closing != ']' && closing != ')')) return std::nullopt;

  std::string_view low = text.substr(1, colon - 1);
  std::string_view high = text.substr(colon + 1, text.size() - colon - 2);
  if (low.empty() && high.empty()) return std::nullopt;
  Range range{parse_end(low, -kInfinity), parse_end(high, kInfinity), opening == '[', closing == ']'};
  if (!(range.low <= range.high)) return std::nullopt;  // also when one of them is no number
  if (range.low == range.high && !(range.includes_low && range.includes_high)) return std::nullopt;
  return range;
}

std::string to_text(const Range& range) {
  std::string text(1, range.includes_low ? '[' : '(');
  append_end(text, range.low);
  text += ':';
  append_end(text, range.high);
  text += range.includes_high ? ']' : ')';
  return text;
}

}  // namespace epro
