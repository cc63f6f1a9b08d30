// SPDX-License-Identifier: MIT
#include <sluice/schema/json_value.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include <sluice/base/assert.hpp>

namespace sluice::schema {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Takes leading digits off; false if there is none.
bool take_digits(std::string_view& text) noexcept {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  text.remove_prefix(count);
  return count > 0;
}

bool take(std::string_view& text, std::string_view any_of) noexcept {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

template <class Value>
Value parse_whole(std::string_view text, std::errc& error) noexcept {
  Value value{};
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  error = code == std::errc() && end != text.data() + text.size() ? std::errc::invalid_argument : code;
  return value;
}

constinit const std::vector<Json> kNoItems;
constinit const std::vector<Member> kNoMembers;

// Not constinit as those: Clang takes no empty string of GCC 12's library for a constant.
const std::string& empty_text() noexcept {
  static const std::string kEmptyText;
  return kEmptyText;
}

}  // namespace

// Here and not in the header, so that the variant's visitors are compiled once.
Json::Json() noexcept = default;
Json::Json(const Json& other) = default;
Json::Json(Json&& other) noexcept : value_(std::move(other.value_)) { other.value_.emplace<std::monostate>(); }
Json& Json::operator=(const Json& other) = default;
Json::~Json() = default;
Json::Json(Value value) noexcept : value_(std::move(value)) {}

Json& Json::operator=(Json&& other) noexcept {
  // By way of a third: `other` may lie inside this value (json = std::move(json.items_[0])).
  Value taken = std::move(other.value_);
  other.value_.emplace<std::monostate>();
  value_ = std::move(taken);
  return *this;
}

Json Json::boolean(bool value) { return Json(Value(value)); }
Json Json::string(std::string text) { return Json(Value(std::move(text))); }
Json Json::array() { return array({}); }
Json Json::array(std::vector<Json> items) { return Json(Value(std::move(items))); }
Json Json::object() { return object({}); }
Json Json::object(std::vector<Member> members) { return Json(Value(std::move(members))); }

Json Json::number(std::string_view spelling) {
  SLUICE_ASSERT(is_json_number(spelling), "a Json number is spelled as RFC 8259 spells one");
  return Json(Value(Number{std::string(spelling)}));
}

Json Json::number(double value) {
  if (!std::isfinite(value)) return null();
  std::array<char, 32> digits;  // the shortest form needs at most 24
  auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  SLUICE_ASSERT(error == std::errc(), "32 characters hold any double");
  return Json(Value(Number{std::string(digits.data(), end)}));
}

bool Json::boolean() const noexcept {
  const bool* value = std::get_if<bool>(&value_);
  return value && *value;
}

const std::string& Json::text() const noexcept {
  const std::string* text = std::get_if<std::string>(&value_);
  return text ? *text : empty_text();
}

const std::string& Json::number_text() const noexcept {
  const Number* number = std::get_if<Number>(&value_);
  return number ? number->text : empty_text();
}

std::optional<double> Json::number() const noexcept {
  std::errc error;
  double value = parse_whole<double>(number_text(), error);
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> Json::integer() const noexcept {
  std::errc error;
  auto value = parse_whole<std::int64_t>(number_text(), error);
  if (error != std::errc()) return std::nullopt;
  return value;
}

const std::vector<Json>& Json::items() const noexcept {
  const auto* items = std::get_if<std::vector<Json>>(&value_);
  return items ? *items : kNoItems;
}

const std::vector<Member>& Json::members() const noexcept {
  const auto* members = std::get_if<std::vector<Member>>(&value_);
  return members ? *members : kNoMembers;
}

const Json* Json::find(std::string_view name) const noexcept {
  for (const Member& member : members())
    if (member.name == name) return &member.value;
  return nullptr;
}

Json& Json::add(std::string name, Json value) {
  auto* members = std::get_if<std::vector<Member>>(&value_);
  SLUICE_ASSERT(members, "only an object has members");
  members->push_back({std::move(name), std::move(value)});
  return *this;
}

Json& Json::push(Json item) {
  auto* items = std::get_if<std::vector<Json>>(&value_);
  SLUICE_ASSERT(items, "only an array has items");
  items->push_back(std::move(item));
  return *this;
}

bool operator==(const Json& a, const Json& b) noexcept { return a.value_ == b.value_; }

bool is_json_number(std::string_view text) noexcept {
  take(text, "-");
  if (!take(text, "0") && !take_digits(text)) return false;  // a zero stands alone: 01 leaves a rest
  if (take(text, ".") && !take_digits(text)) return false;
  if (take(text, "eE")) {
    take(text, "+-");
    if (!take_digits(text)) return false;
  }
  return text.empty();
}

}  // namespace sluice::schema
