// SPDX-License-Identifier: MIT
#include <sluice/governance/cpu_load.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace sluice::governance {
namespace {

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

std::optional<std::int64_t> parse_number(std::string_view digits) noexcept {
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number < 0) return std::nullopt;
  return number;
}

// Takes what comes before the next `sign` off the text; all of it if there is none.
std::string_view take(std::string_view& text, char sign) noexcept {
  std::size_t at = std::min(text.find(sign), text.size());
  std::string_view piece = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return piece;
}

}  // namespace

void CpuLoad::add(Instant now, Duration used, double allowed) noexcept {
  if (last_ && now > last_->when && used >= last_->used && allowed > 0) {
    double share = static_cast<double>((used - last_->used).count()) /
                   (static_cast<double>((now - last_->when).count()) * allowed);
    int sample = static_cast<int>(std::min(share, 1.0) * 1000);
    // By whole numbers, as go-zero: it never quite reaches what it is near to.
    permille_.store((permille() * 95 + sample * 5) / 100, std::memory_order_relaxed);  // relaxed: as in permille
  }
  last_ = {now, used};
}

void CpuLoad::forget() noexcept {
  last_.reset();
  permille_.store(0, std::memory_order_relaxed);  // relaxed: as in permille
}

std::optional<Duration> parse_cpu_stat(std::string_view text) noexcept {
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    if (take(line, ' ') != "usage_usec") continue;
    auto microseconds = parse_number(trim(line));
    if (!microseconds) return std::nullopt;
    return std::chrono::microseconds(*microseconds);
  }
  return std::nullopt;
}

std::optional<double> parse_cpu_max(std::string_view text) noexcept {
  text = trim(text);
  auto quota = parse_number(take(text, ' ')), period = parse_number(text);
  if (!quota || !period || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<int> count_cpus(std::string_view list) noexcept {
  list = trim(list);
  std::int64_t count = 0;
  while (!list.empty()) {
    std::string_view range = take(list, ',');
    bool is_one = range.find('-') == range.npos;
    auto first = parse_number(take(range, '-'));
    auto last = is_one ? first : parse_number(range);
    if (!first || !last || *last < *first || *last > 1'000'000) return std::nullopt;
    count += *last - *first + 1;
  }
  if (count == 0) return std::nullopt;
  return static_cast<int>(count);
}

}  // namespace sluice::governance
