// SPDX-License-Identifier: MIT
#include <apps/epro/record/instrument.hpp>

#include <algorithm>
#include <charconv>

#include <sluice/base/assert.hpp>
#include <sluice/base/bytes.hpp>

#include <apps/epro/record/internal/json_writer.hpp>

namespace epro {
namespace {

using internal::JsonWriter;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

// ---- the canonical text: members sorted, what does not apply left out ----

void write_range(JsonWriter& json, std::string_view name, const std::optional<Range>& range) {
  if (range) json.text(name, to_text(*range));
}

void write_item(JsonWriter& json, const ItemDefinition& item) {
  json.open('{').text("linkId", item.link_id);
  if (item.max_length > 0) json.number("maxLength", item.max_length);
  if (!item.options.empty()) {
    json.key("options").open('[');
    for (const std::string& option : item.options) json.text(option);
    json.close(']');
  }
  write_range(json, "plausible", item.plausible);
  write_range(json, "possible", item.possible);
  write_range(json, "range", item.range);
  json.text("type", to_string(item.type));
  if (!item.unit.empty()) json.text("unit", item.unit);
  json.close('}');
}

void write_window(JsonWriter& json, const WindowDefinition& window) {
  json.key("window").open('{').text("closes", format_window_end(window.closes));
  json.raw("daily", window.is_daily ? "true" : "false").text("due", format_window_end(window.due));
  json.text("opens", format_window_end(window.opens)).close('}');
}

// ---- the ends of a window ----

/// The number of one to `digits_max` digits at the front, which go; nothing for anything else.
std::optional<int> take_number(std::string_view& text, std::size_t digits_min, std::size_t digits_max) {
  std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits < digits_min || digits > digits_max) return std::nullopt;
  int number = 0;
  std::from_chars(text.data(), text.data() + digits, number);
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, char mark) {
  if (!text.starts_with(mark)) return false;
  text.remove_prefix(1);
  return true;
}

std::string two_digits(std::int64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); }

}  // namespace

std::string_view to_string(ItemType type) noexcept {
  switch (type) {
    case ItemType::kInteger: return "integer";
    case ItemType::kDecimal: return "decimal";
    case ItemType::kBoolean: return "boolean";
    case ItemType::kChoice: return "choice";
    case ItemType::kText: return "text";
  }
  SLUICE_ASSERT(false, "every item type has a word");
  return {};
}

const ItemDefinition* find_item(const Instrument& instrument, std::string_view link_id) noexcept {
  auto found = std::ranges::find(instrument.items, link_id, &ItemDefinition::link_id);
  return found == instrument.items.end() ? nullptr : &*found;
}

std::string canonical_text(const Instrument& instrument) {
  JsonWriter json;
  json.open('{').key("items").open('[');
  for (const ItemDefinition& item : instrument.items) write_item(json, item);
  json.close(']').text("oid", instrument.oid).text("version", instrument.version);
  if (instrument.window) write_window(json, *instrument.window);
  json.close('}');
  return std::move(json).take();
}

sluice::Sha256 fingerprint(const Instrument& instrument) {
  return sluice::sha256(sluice::as_bytes(canonical_text(instrument)));
}

std::optional<minutes> parse_window_end(std::string_view text) noexcept {
  std::optional<int> hour = take_number(text, 2, 2);
  std::optional<int> minute = take(text, ':') ? take_number(text, 2, 2) : std::nullopt;
  if (!hour || *hour > 23 || !minute || *minute > 59) return std::nullopt;
  minutes end = hours(*hour) + minutes(*minute);
  if (text.empty()) return end;
  std::optional<int> later = take(text, '+') ? take_number(text, 1, 2) : std::nullopt;
  if (!later || *later < 1 || *later > kWindowDaysMax || text != "d") return std::nullopt;
  return end + days(*later);
}

std::string format_window_end(minutes end) {
  SLUICE_ASSERT(end.count() >= 0 && end < days(kWindowDaysMax + 1), "a window's end lies within its days");
  std::string text = two_digits(end % days(1) / hours(1)) + ":" + two_digits((end % hours(1)).count());
  if (end >= days(1)) text += "+" + std::to_string(end / days(1)) + "d";
  return text;
}

}  // namespace epro
