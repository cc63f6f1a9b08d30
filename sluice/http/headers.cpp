// SPDX-License-Identifier: MIT
#include <sluice/http/headers.hpp>

#include <algorithm>
#include <cstdint>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>
#include <sluice/http/internal/h1_lines.hpp>

namespace sluice::http {
namespace {

constexpr std::string_view kSeparator = ": ";
constexpr std::string_view kLineEnd = "\r\n";

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool would_break_the_line(char c) noexcept { return c == '\r' || c == '\n' || c == '\0'; }

// Whether one of these bytes may be there; nearly never. Eight at a time: those that could are all below ' '.
// Source: "Determine if a word has a byte less than n", S. E. Anderson, Bit Twiddling Hacks.
bool may_break_the_line(std::string_view text) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHighs = kOnes << 7;
  const std::byte* at = as_bytes(text).data();
  std::uint64_t low = 0;
  std::size_t left = text.size();
  for (; left >= 8; left -= 8, at += 8) {
    auto word = load_little<std::uint64_t>(at);
    low |= (word - kOnes * ' ') & ~word & kHighs;
  }
  for (; left > 0; --left, ++at) low |= *at < std::byte{' '} ? 1 : 0;
  return low != 0;
}

// Of a small head, so that it grows once.
constexpr std::size_t kTextBytes = 240;
constexpr std::size_t kEntries = 8;

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool next_list_item(std::string_view& list, std::string_view& item) noexcept {
  while (!list.empty()) {
    std::size_t comma = list.find(',');
    item = trim(list.substr(0, comma));
    list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
    if (!item.empty()) return true;
  }
  return false;
}

void Headers::add(std::string_view name, std::string_view value) {
  SLUICE_ASSERT(internal::is_token(name), "a field's name is a token, which no client of ours chooses");
  if (entries_.empty()) {
    text_.reserve(kTextBytes);
    entries_.reserve(kEntries);
  }
  Entry entry{};
  entry.name_at = static_cast<std::uint32_t>(text_.size());
  entry.name_size = static_cast<std::uint32_t>(name.size());
  text_.append(name).append(kSeparator);
  entry.value_at = static_cast<std::uint32_t>(text_.size());
  entry.value_size = static_cast<std::uint32_t>(value.size());
  text_.append(value);
  if (may_break_the_line(value)) std::replace_if(text_.begin() + entry.value_at, text_.end(), would_break_the_line, ' ');
  text_.append(kLineEnd);
  entries_.push_back(entry);
}

void Headers::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

void Headers::remove(std::string_view name) {
  if (!find(name)) return;
  Headers kept;
  for (std::size_t i = 0; i < size(); ++i) {
    FieldView field = (*this)[i];
    if (!equal_ignoring_case(field.name, name)) kept.add(field.name, field.value);
  }
  *this = std::move(kept);
}

void Headers::clear() noexcept {
  text_.clear();
  entries_.clear();
}

std::optional<std::string_view> Headers::find(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < size(); ++i) {
    FieldView field = (*this)[i];
    if (equal_ignoring_case(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const noexcept {
  std::size_t found = 0;
  for (std::size_t i = 0; i < size(); ++i) found += equal_ignoring_case((*this)[i].name, name) ? 1 : 0;
  return found;
}

bool Headers::has_token(std::string_view name, std::string_view token) const noexcept {
  for (std::size_t i = 0; i < size(); ++i) {
    FieldView field = (*this)[i];
    if (!equal_ignoring_case(field.name, name)) continue;
    std::string_view item;
    for (std::string_view list = field.value; next_list_item(list, item);) {
      if (equal_ignoring_case(item, token)) return true;
    }
  }
  return false;
}

Headers::FieldView Headers::operator[](std::size_t index) const noexcept {
  const Entry& entry = entries_[index];
  std::string_view text(text_);
  return {text.substr(entry.name_at, entry.name_size), text.substr(entry.value_at, entry.value_size)};
}

}  // namespace sluice::http
