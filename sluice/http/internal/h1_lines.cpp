// SPDX-License-Identifier: MIT
#include <sluice/http/internal/h1_lines.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace sluice::http::internal {
namespace {

// Longer names are sound but not worth repeating in an answer.
constexpr std::size_t kNamedBytesMax = 64;

using ByteClass = std::array<bool, 256>;

// RFC 9110 §5.6.2.
constexpr ByteClass kTokenBytes = [] {
  ByteClass allowed{};
  for (unsigned char c = '0'; c <= '9'; ++c) allowed[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c) allowed[c] = allowed[c - 'a' + 'A'] = true;
  for (unsigned char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) allowed[c] = true;
  return allowed;
}();

// RFC 9110 §5.5: field-vchar, SP and HTAB.
constexpr ByteClass kFieldBytes = [] {
  ByteClass allowed{};
  allowed['\t'] = true;
  for (std::size_t c = ' '; c < allowed.size(); ++c) allowed[c] = c != 0x7F;
  return allowed;
}();

bool all_in(std::string_view text, const ByteClass& allowed) noexcept {
  bool ok = true;
  for (char c : text) ok = ok && allowed[static_cast<unsigned char>(c)];
  return ok;
}

bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

}  // namespace

Result<LineScanner::Line> LineScanner::next(std::string_view input, LineLimit limit) {
  std::string_view window = input.substr(0, limit.bytes);
  std::size_t end = window.find('\n', scanned_);
  if (end == window.npos) {
    if (input.size() >= limit.bytes) return malformed(limit.reason);
    scanned_ = window.size();
    return Line{};
  }
  scanned_ = 0;
  if (end == 0 || window[end - 1] != '\r') return malformed("bare-lf");
  return Line{window.substr(0, end - 1), end + 1};
}

Result<Headers::FieldView> parse_field_line(std::string_view line) {
  if (is_blank(line.front())) return malformed("obs-fold");
  std::size_t colon = line.find(':');
  if (colon == line.npos) return malformed("bad-header");
  std::string_view name = line.substr(0, colon);
  if (!is_token(name)) {
    bool only_blanks = !name.empty() && is_blank(name.back()) && is_token(trim_blanks(name));
    return malformed(only_blanks ? "space-before-colon" : "bad-header");
  }
  std::string_view value = trim_blanks(line.substr(colon + 1));
  if (!is_field_text(value)) {
    std::string_view named = name.size() <= kNamedBytesMax ? name : std::string_view();
    return malformed(value.contains('\r') ? "bare-cr" : "bad-header-value", named);
  }
  return Headers::FieldView{name, value};
}

bool is_token(std::string_view text) noexcept { return !text.empty() && all_in(text, kTokenBytes); }

bool is_field_text(std::string_view text) noexcept { return all_in(text, kFieldBytes); }

std::string_view trim_blanks(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::unexpected<Error> malformed(const char* reason, std::string_view field, std::source_location where) {
  return fail(Error(Code::kInvalidArgument, {}, where).because(reason).at(std::string(field)));
}

}  // namespace sluice::http::internal
