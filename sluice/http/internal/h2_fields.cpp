// SPDX-License-Identifier: MIT
#include <sluice/http/internal/h2_fields.hpp>

#include <algorithm>

#include <sluice/http/internal/h1_lines.hpp>

namespace sluice::http::internal {
namespace {

constexpr std::string_view kNotForward[] = {"connection",        "content-length", "date",   "keep-alive",
                                            "proxy-connection",  "transfer-encoding", "upgrade"};

bool is_left_out(std::string_view name) noexcept {
  return std::any_of(std::begin(kNotForward), std::end(kNotForward),
                     [&](std::string_view each) { return equal_ignoring_case(each, name); });
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace

void H2Fields::add(std::string_view name, std::string_view value) {
  value = trim_blanks(value);  // RFC 9113 §8.2.1: a client would have to refuse it
  text_.append(name).append(value);
  entries_.push_back({name.size(), value.size()});
}

void H2Fields::add_all(const Headers& headers) {
  for (std::size_t i = 0; i < headers.size(); ++i) {
    auto [name, value] = headers[i];
    if (is_left_out(name)) continue;
    std::size_t at = text_.size();
    add(name, value);
    std::transform(text_.begin() + static_cast<std::ptrdiff_t>(at),
                   text_.begin() + static_cast<std::ptrdiff_t>(at + name.size()),
                   text_.begin() + static_cast<std::ptrdiff_t>(at), lower);
  }
}

const std::vector<nghttp2_nv>& H2Fields::values() {
  values_.clear();
  auto* at = reinterpret_cast<std::uint8_t*>(text_.data());  // nghttp2 copies it, although its type does not say so
  for (const Entry& entry : entries_) {
    values_.push_back({at, at + entry.name_size, entry.name_size, entry.value_size, NGHTTP2_NV_FLAG_NONE});
    at += entry.name_size + entry.value_size;
  }
  return values_;
}

}  // namespace sluice::http::internal
