// SPDX-License-Identifier: MIT
#include <sluice/schema/json_writer.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <simdjson.h>

namespace sluice::schema {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool must_be_escaped(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

/// Whether each byte means itself between quotes. Looks at all of them and not for the first that does not: most texts
/// have none, and a loop without a way out runs at a byte a cycle.
bool is_plain(std::string_view text) noexcept {
  static constexpr auto kIsSpecial = [] {
    std::array<std::uint8_t, 256> is_special{};
    for (std::size_t byte = 0; byte < 256; ++byte)
      is_special[byte] = byte < 0x20 || byte == '"' || byte == '\\' || byte >= 0x80;
    return is_special;
  }();
  unsigned special = 0;
  for (char c : text) special |= kIsSpecial[static_cast<unsigned char>(c)];
  return special == 0;
}

void append_escape(std::string& out, char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  out += "\\u00";
  out += kDigits[static_cast<unsigned char>(c) >> 4];
  out += kDigits[static_cast<unsigned char>(c) & 15];
}

void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    auto plain_end = std::ranges::find_if(text, must_be_escaped);
    auto plain_size = static_cast<std::size_t>(plain_end - text.begin());
    out.append(text, 0, plain_size);
    text.remove_prefix(plain_size);
    if (text.empty()) return;
    append_escape(out, text.front());
    text.remove_prefix(1);
  }
}

/// The size of the character that a text begins with; 0 if it begins with none.
std::size_t character_size(std::string_view text) {
  for (std::size_t size = 1; size <= std::min<std::size_t>(4, text.size()); ++size)
    if (simdjson::validate_utf8(text.data(), size)) return size;
  return 0;
}

void append_mended(std::string& out, std::string_view text) {
  while (!text.empty()) {
    std::size_t size = character_size(text);
    if (size == 0) {
      out += kReplacement;
      text.remove_prefix(1);
      continue;
    }
    append_escaped(out, text.substr(0, size));
    text.remove_prefix(size);
  }
}

void append_canonical(std::string& out, const Json& json);

void append_canonical_object(std::string& out, const std::vector<Member>& members) {
  std::vector<const Member*> sorted;
  sorted.reserve(members.size());
  for (const Member& member : members)
    if (!member.value.is_null()) sorted.push_back(&member);
  std::ranges::sort(sorted, {}, [](const Member* member) { return std::string_view(member->name); });
  out += '{';
  for (bool is_first = true; const Member* member : sorted) {
    if (!std::exchange(is_first, false)) out += ',';
    append_json_string(out, member->name);
    out += ':';
    append_canonical(out, member->value);
  }
  out += '}';
}

void append_canonical(std::string& out, const Json& json) {
  if (json.is_object()) return append_canonical_object(out, json.members());
  if (!json.is_array()) return append_json(out, json);
  out += '[';
  for (bool is_first = true; const Json& item : json.items()) {
    if (!std::exchange(is_first, false)) out += ',';
    append_canonical(out, item);
  }
  out += ']';
}

void append_object(std::string& out, const std::vector<Member>& members) {
  out += '{';
  for (bool is_first = true; const Member& member : members) {
    if (!std::exchange(is_first, false)) out += ',';
    append_json_string(out, member.name);
    out += ':';
    append_json(out, member.value);
  }
  out += '}';
}

void append_array(std::string& out, const std::vector<Json>& items) {
  out += '[';
  for (bool is_first = true; const Json& item : items) {
    if (!std::exchange(is_first, false)) out += ',';
    append_json(out, item);
  }
  out += ']';
}

}  // namespace

std::string to_text(const Json& json) {
  std::string out;
  append_json(out, json);
  return out;
}

std::string canonical_text(const Json& json) {
  std::string out;
  append_canonical(out, json);
  return out;
}

void append_json(std::string& out, const Json& json) {
  switch (json.kind()) {
    case JsonKind::kNull: out += "null"; return;
    case JsonKind::kBoolean: out += json.boolean() ? "true" : "false"; return;
    case JsonKind::kNumber: out += json.number_text(); return;
    case JsonKind::kString: return append_json_string(out, json.text());
    case JsonKind::kArray: return append_array(out, json.items());
    case JsonKind::kObject: return append_object(out, json.members());
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  if (is_plain(text)) {
    out += text;
  } else if (simdjson::validate_utf8(text.data(), text.size())) {
    append_escaped(out, text);
  } else {
    append_mended(out, text);
  }
  out += '"';
}

void append_json_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::array<char, 32> digits;  // the shortest form needs at most 24
  char* end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

}  // namespace sluice::schema
