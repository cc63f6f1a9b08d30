// SPDX-License-Identifier: MIT
#include <sluice/schema/internal/nearest_word.hpp>

#include <algorithm>
#include <utility>

namespace sluice::schema::internal {
namespace {

/// Longer words are not compared: the time is quadratic, and nobody's key is that long.
constexpr std::size_t kWordMax = 64;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// Optimal string alignment: Levenshtein's distance in which a swap of neighbours counts once. Case does not count.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> above_last, last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      bool is_equal = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (is_equal ? 0 : 1)});
      bool is_swap = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (is_swap) row[j] = std::min(row[j], above_last[j - 2] + 1);
    }
    above_last = std::exchange(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string_view nearest_word(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (word.size() > kWordMax) return {};
  std::string_view nearest;
  std::size_t nearest_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (std::string_view candidate : candidates) {
    if (candidate.size() > kWordMax) continue;
    std::size_t mistakes = distance(word, candidate);
    if (mistakes >= nearest_distance) continue;
    nearest = candidate;
    nearest_distance = mistakes;
  }
  return nearest;
}

}  // namespace sluice::schema::internal
