// SPDX-License-Identifier: MIT
#include <apps/epro/record/value.hpp>

#include <charconv>

namespace epro {
namespace {

/// Takes the digits at the front; how many there were.
std::size_t skip_digits(std::string_view& text) noexcept {
  std::size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
  text.remove_prefix(count);
  return count;
}

bool skip(std::string_view& text, std::string_view marks) noexcept {
  if (text.empty() || !marks.contains(text.front())) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<double> number_of(std::string_view spelling) noexcept {
  if (!is_json_number(spelling)) return std::nullopt;
  double number = 0;
  auto [end, error] = std::from_chars(spelling.data(), spelling.data() + spelling.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

bool is_json_number(std::string_view text) noexcept {
  skip(text, "-");
  bool starts_with_zero = text.starts_with('0');
  std::size_t integer_digits = skip_digits(text);
  if (integer_digits == 0 || (starts_with_zero && integer_digits > 1)) return false;
  if (skip(text, ".") && skip_digits(text) == 0) return false;
  if (skip(text, "eE")) {
    skip(text, "+-");
    if (skip_digits(text) == 0) return false;
  }
  return text.empty();
}

}  // namespace epro
