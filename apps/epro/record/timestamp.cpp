// SPDX-License-Identifier: MIT
#include <apps/epro/record/timestamp.hpp>

#include <cstdint>
#include <optional>

#include <sluice/base/assert.hpp>

namespace epro {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr sluice::WallTime kEarliest = sys_days(std::chrono::year(1) / 1 / 1);
constexpr sluice::WallTime kEnd = sys_days(std::chrono::year(10'000) / 1 / 1);
constexpr auto kAmbiguous = std::unexpected(FindingCode::kCaptureTimeAmbiguous);
constexpr auto kInvalid = std::unexpected(FindingCode::kCaptureTimeInvalid);

/// Walks over a text of fixed-width numbers and marks.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  bool skip_any(std::string_view marks) {
    if (rest_.empty() || !marks.contains(rest_.front())) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool skip(char mark) { return skip_any({&mark, 1}); }

  /// The number of exactly `width` digits; nothing (and nothing consumed) if there are fewer.
  std::optional<int> number(std::size_t width) {
    if (rest_.size() < width) return std::nullopt;
    int value = 0;
    for (char digit : rest_.substr(0, width)) {
      if (digit < '0' || digit > '9') return std::nullopt;
      value = value * 10 + (digit - '0');
    }
    rest_.remove_prefix(width);
    return value;
  }

  /// The number of `width` digits behind a mark; nothing if either is missing.
  std::optional<int> number_after(char mark, std::size_t width) {
    if (!skip(mark)) return std::nullopt;
    return number(width);
  }

  /// At least one digit after a decimal point, cut to microseconds.
  std::optional<microseconds> fraction() {
    std::optional<microseconds> value;
    for (int unit = 100'000; auto digit = number(1); unit /= 10)
      value = value.value_or(0us) + microseconds(*digit * unit);
    return value;
  }

 private:
  std::string_view rest_;
};

/// What a wall clock shows; `is_leap` if its second is the sixtieth.
struct WallReading {
  sluice::WallTime local;
  bool is_leap = false;
};

/// Nothing: no such day. A year or a month alone counts from its first day: whether it exists is all that matters then.
std::optional<sys_days> scan_date(Scanner& scan) {
  std::optional<int> year = scan.number(4);
  std::optional<int> month = 1;
  std::optional<int> day = 1;
  if (!scan.at_end()) {
    month = scan.number_after('-', 2);
    if (!scan.at_end()) day = scan.number_after('-', 2);
  }
  if (!year || *year == 0 || !month || !day) return std::nullopt;
  auto date = std::chrono::year(*year) / *month / *day;
  if (!date.ok()) return std::nullopt;
  return sys_days(date);
}

std::optional<WallReading> scan_time(Scanner& scan, sys_days date) {
  std::optional<int> hour = scan.number(2);
  std::optional<int> minute = scan.number_after(':', 2);
  bool has_second = scan.skip(':');
  std::optional<int> second = has_second ? scan.number(2) : 0;
  std::optional<microseconds> fraction = has_second && scan.skip('.') ? scan.fraction() : 0us;
  if (!hour || *hour > 23 || !minute || *minute > 59 || !second || *second > 60 || !fraction) return std::nullopt;
  auto to_the_minute = date + std::chrono::hours(*hour) + minutes(*minute);
  if (*second == 60) return WallReading{to_the_minute + 60s - 1us, true};
  return WallReading{to_the_minute + seconds(*second) + *fraction};
}

std::expected<minutes, FindingCode> scan_offset(Scanner& scan) {
  if (scan.skip_any("Zz")) return 0min;
  bool is_behind = scan.skip('-');
  if (!is_behind && !scan.skip('+')) return kInvalid;
  std::optional<int> hour = scan.number(2);
  std::optional<int> minute = scan.skip(':') || !scan.at_end() ? scan.number(2) : 0;
  if (!hour || !minute || *minute > 59) return kInvalid;
  minutes offset = std::chrono::hours(*hour) + minutes(*minute);
  if (offset > kOffsetMax) return kInvalid;
  if (is_behind && offset == 0min) return kAmbiguous;
  return is_behind ? -offset : offset;
}

/// Leap seconds are inserted at the end of a UTC month and nowhere else.
bool may_be_leap(sluice::WallTime last_before_it) {
  sluice::WallTime next = last_before_it + 1us;
  auto day = std::chrono::floor<days>(next);
  return next == day && year_month_day(day).day() == std::chrono::day(1);
}

void append_number(std::string& out, std::int64_t value, std::size_t width) {
  std::string digits = std::to_string(value);
  out.append(width - digits.size(), '0').append(digits);
}

void append_fraction(std::string& out, microseconds fraction) {
  if (fraction == 0us) return;
  out += '.';
  if (fraction % 1ms == 0us)
    append_number(out, fraction / 1ms, 3);
  else
    append_number(out, fraction.count(), 6);
}

void append_offset(std::string& out, minutes offset) {
  if (offset == 0min) {
    out += 'Z';
    return;
  }
  out += offset < 0min ? '-' : '+';
  append_number(out, std::chrono::abs(offset) / 1h, 2);
  out += ':';
  append_number(out, (std::chrono::abs(offset) % 1h).count(), 2);
}

}  // namespace

std::expected<Timestamp, FindingCode> parse_timestamp(std::string_view text) {
  Scanner scan(text);
  std::optional<sys_days> date = scan_date(scan);
  if (!date) return kInvalid;
  if (scan.at_end()) return kAmbiguous;
  if (!scan.skip_any("Tt ")) return kInvalid;
  std::optional<WallReading> reading = scan_time(scan, *date);
  if (!reading) return kInvalid;
  if (scan.at_end()) return kAmbiguous;
  auto offset = scan_offset(scan);
  if (!scan.at_end()) return kInvalid;
  if (!offset) return std::unexpected(offset.error());
  Timestamp time{reading->local - *offset, *offset};
  if (time.at < kEarliest || time.at >= kEnd) return kInvalid;
  if (reading->is_leap && !may_be_leap(time.at)) return kInvalid;
  return time;
}

std::string format_timestamp(const Timestamp& time) {
  sluice::WallTime local = time.at + time.offset;
  SLUICE_ASSERT(local >= kEarliest && local < kEnd, "RFC 3339 has four digits for the year");
  auto day = std::chrono::floor<days>(local);
  year_month_day date(day);
  std::chrono::hh_mm_ss clock(local - day);
  std::string text;
  append_number(text, int(date.year()), 4);
  append_number(text += '-', unsigned(date.month()), 2);
  append_number(text += '-', unsigned(date.day()), 2);
  append_number(text += 'T', clock.hours().count(), 2);
  append_number(text += ':', clock.minutes().count(), 2);
  append_number(text += ':', clock.seconds().count(), 2);
  append_fraction(text, clock.subseconds());
  append_offset(text, time.offset);
  return text;
}

std::string format_timestamp(sluice::WallTime time) { return format_timestamp(Timestamp{time, 0min}); }

}  // namespace epro
