// SPDX-License-Identifier: MIT
#include <sluice/http/http_date.hpp>

#include <chrono>

namespace sluice::http {
namespace {

constexpr std::string_view kWeekdays = "SunMonTueWedThuFriSat";
constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::string_view kShape = "Www, DD Mmm YYYY hh:mm:ss GMT";

void put_name(char* to, std::string_view names, unsigned index) { names.copy(to, 3, index * 3); }

void put_number(char* to, int digits, unsigned number) {
  for (int i = digits - 1; i >= 0; --i, number /= 10) to[i] = static_cast<char>('0' + number % 10);
}

}  // namespace

std::string_view HttpDate::at(const Clock& clock, Instant now) {
  if (now >= until_) {
    WallTime wall = clock.wall_now();
    write(wall);
    until_ = now + (std::chrono::floor<std::chrono::seconds>(wall) + std::chrono::seconds(1) - wall);
  }
  return {text_.data(), text_.size()};
}

void HttpDate::write(WallTime now) {
  using namespace std::chrono;
  auto second = floor<seconds>(now);
  auto day = floor<days>(second);
  year_month_day date(day);
  hh_mm_ss time(second - day);
  char* text = text_.data();
  kShape.copy(text, text_.size());
  put_name(text, kWeekdays, weekday(day).c_encoding());
  put_number(text + 5, 2, static_cast<unsigned>(date.day()));
  put_name(text + 8, kMonths, static_cast<unsigned>(date.month()) - 1);
  put_number(text + 12, 4, static_cast<unsigned>(static_cast<int>(date.year())));
  put_number(text + 17, 2, static_cast<unsigned>(time.hours().count()));
  put_number(text + 20, 2, static_cast<unsigned>(time.minutes().count()));
  put_number(text + 23, 2, static_cast<unsigned>(time.seconds().count()));
}

}  // namespace sluice::http
