// SPDX-License-Identifier: MIT
#include <sluice/schema/duration.hpp>

#include <array>
#include <charconv>
#include <cstdint>

#include <sluice/base/assert.hpp>

namespace sluice::schema {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t length_ns;
};

// Largest first: a text names its units in this order.
constexpr std::array<Unit, 6> kUnits = {{{"h", 3'600'000'000'000},
                                         {"m", 60'000'000'000},
                                         {"s", 1'000'000'000},
                                         {"ms", 1'000'000},
                                         {"us", 1'000},
                                         {"ns", 1}}};

std::string_view leading_letters(std::string_view text) noexcept {
  std::size_t size = 0;
  while (size < text.size() && text[size] >= 'a' && text[size] <= 'z') ++size;
  return text.substr(0, size);
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) noexcept {
  if (text.empty()) return std::nullopt;
  std::int64_t sum_ns = 0;
  std::size_t unit = 0;  // the next one that may still come
  while (!text.empty()) {
    std::uint64_t count = 0;  // unsigned: from_chars takes no sign then
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    std::string_view name = leading_letters(text);
    while (unit < kUnits.size() && kUnits[unit].name != name) ++unit;
    if (unit == kUnits.size()) return std::nullopt;
    text.remove_prefix(name.size());

    std::int64_t part_ns;
    if (__builtin_mul_overflow(count, kUnits[unit].length_ns, &part_ns)) return std::nullopt;
    if (__builtin_add_overflow(sum_ns, part_ns, &sum_ns)) return std::nullopt;
    ++unit;
  }
  return Duration(sum_ns);
}

std::string format_duration(Duration length) {
  SLUICE_ASSERT(length >= Duration::zero(), "a length of time is not negative");
  if (length == Duration::zero()) return "0s";
  std::string text;
  std::int64_t rest_ns = length.count();
  for (const Unit& unit : kUnits) {
    if (std::int64_t count = rest_ns / unit.length_ns; count > 0) text.append(std::to_string(count)).append(unit.name);
    rest_ns %= unit.length_ns;
  }
  return text;
}

}  // namespace sluice::schema
