// SPDX-License-Identifier: MIT
#include <sluice/schema/internal/json_unescape.hpp>

#include <optional>

namespace sluice::schema::internal {
namespace {

/// Four hexadecimal digits. Reads no further than the first character that is none, so never past the closing quote.
std::optional<char32_t> read_hex4(const char*& from) {
  char32_t unit = 0;
  for (int digit = 0; digit < 4; ++digit, ++from) {
    char c = *from;
    if (c >= '0' && c <= '9') {
      unit = unit * 16 + static_cast<char32_t>(c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      unit = unit * 16 + static_cast<char32_t>((c | 0x20) - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return unit;
}

void append_utf8(std::string& out, char32_t point) {
  auto tail = [&](int shift) { out += static_cast<char>(0x80 | (point >> shift & 0x3F)); };
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xC0 | point >> 6);
    tail(0);
  } else if (point < 0x10000) {
    out += static_cast<char>(0xE0 | point >> 12);
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xF0 | point >> 18);
    tail(12), tail(6), tail(0);
  }
}

bool is_high(char32_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low(char32_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

/// What follows `\u`: one character, or the first of a surrogate pair with the second behind it.
Unescape append_unicode(const char*& from, std::string& out) {
  auto first = read_hex4(from);
  if (!first) return Unescape::kNoSuchEscape;
  if (is_low(*first)) return Unescape::kHalfSurrogate;
  if (!is_high(*first)) return append_utf8(out, *first), Unescape::kOk;
  if (from[0] != '\\' || from[1] != 'u') return Unescape::kHalfSurrogate;
  from += 2;
  auto second = read_hex4(from);
  if (!second) return Unescape::kNoSuchEscape;
  if (!is_low(*second)) return Unescape::kHalfSurrogate;
  append_utf8(out, 0x10000 + ((*first - 0xD800) << 10 | (*second - 0xDC00)));
  return Unescape::kOk;
}

char short_escape(char c) {
  switch (c) {
    case '"': case '\\': case '/': return c;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return '\0';
  }
}

}  // namespace

Unescape unescape_json_string(const char* from, std::string& out) {
  for (;;) {
    const char* plain = from;
    while (*from != '"' && *from != '\\') ++from;
    out.append(plain, from);
    if (*from++ == '"') return Unescape::kOk;
    char escape = *from++;
    if (escape == 'u') {
      if (Unescape end = append_unicode(from, out); end != Unescape::kOk) return end;
    } else if (char c = short_escape(escape)) {
      out += c;
    } else {
      return Unescape::kNoSuchEscape;
    }
  }
}

}  // namespace sluice::schema::internal
