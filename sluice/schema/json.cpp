// SPDX-License-Identifier: MIT
#include <sluice/schema/json.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>

#include <sluice/base/clock.hpp>

#include <sluice/schema/duration.hpp>
#include <sluice/schema/internal/read_value.hpp>
#include <sluice/schema/json_pointer.hpp>
#include <sluice/schema/json_writer.hpp>

namespace sluice::schema::internal {
namespace {

// ---- writing ----

const void* member_of(const void* object, const FieldFacts& field) noexcept {
  return static_cast<const std::byte*>(object) + field.offset;
}

bool is_left_out(const FieldFacts& field, const void* member) {
  return field.shape->kind == ShapeKind::kOptional && !field.shape->at(member, 0);
}

void write_struct(std::string& out, const Shape& shape, const void* object) {
  out += '{';
  for (bool is_first = true; const FieldFacts& field : shape.fields()) {
    const void* member = member_of(object, field);
    if (is_left_out(field, member)) continue;
    if (!std::exchange(is_first, false)) out += ',';
    out += field.key_text;
    write_value(out, *field.shape, member);
  }
  out += '}';
}

void write_list(std::string& out, const Shape& shape, const void* list) {
  out += '[';
  for (std::size_t i = 0, count = shape.size(list); i < count; ++i) {
    if (i > 0) out += ',';
    write_value(out, *shape.inner, shape.at(list, i));
  }
  out += ']';
}

void write_optional(std::string& out, const Shape& shape, const void* optional) {
  const void* value = shape.at(optional, 0);
  if (!value) {
    out += "null";
    return;
  }
  write_value(out, *shape.inner, value);
}

// ---- reading ----

std::size_t code_points(std::string_view text) noexcept {
  std::size_t count = 0;
  for (char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // all but continuation bytes
  return count;
}

std::string list_of(const std::vector<std::string>& options) {
  std::string text;
  for (const std::string& option : options) text.append(text.empty() ? "" : ", ").append(option);
  return text;
}

/// "1.5" as a person writes it.
std::string spell(double number) {
  std::string text;
  append_json_number(text, number);
  return text;
}

std::optional<double> to_double(std::string_view spelling) noexcept {
  double number = 0;
  auto [end, error] = std::from_chars(spelling.data(), spelling.data() + spelling.size(), number);
  if (error != std::errc() || end != spelling.data() + spelling.size()) return std::nullopt;
  return number;
}

bool has_range(const Rules& rules) noexcept { return std::isfinite(rules.min) || std::isfinite(rules.max); }

Result<void> check_range(double number, const Rules& rules) {
  if (number < rules.min) return invalid("must be at least " + spell(rules.min));
  if (number > rules.max) return invalid("must be at most " + spell(rules.max));
  return {};
}

Result<void> read_boolean(const Json& json, bool& value) {
  if (!json.is_boolean()) return invalid("must be true or false");
  value = json.boolean();
  return {};
}

Result<void> read_integer(std::string_view spelling, const Shape& shape, const Rules& rules, void* value) {
  if (spelling.empty() || spelling.find_first_of(".eE") != spelling.npos) return invalid("must be an integer");
  if (!shape.parse(spelling, value)) return invalid("is out of range");
  if (!has_range(rules)) return {};
  return check_range(to_double(spelling).value_or(0), rules);  // what fits an integer fits a double
}

Result<void> read_double(std::string_view spelling, const Rules& rules, double& value) {
  if (spelling.empty()) return invalid("must be a number");
  std::optional<double> number = to_double(spelling);
  if (!number) return invalid("is out of range");
  SLUICE_TRY(check_range(*number, rules));
  value = *number;
  return {};
}

Result<void> read_text(const Json& json, const Rules& rules, std::string& value) {
  if (!json.is_string()) return invalid("must be a string");
  SLUICE_TRY(check_text(json.text(), rules));
  value = json.text();
  return {};
}

Result<void> read_duration(const Json& json, Duration& value) {
  std::optional<Duration> length;
  if (json.is_string()) {
    length = parse_duration(json.text());
  } else if (auto ms = json.integer(); ms && *ms >= 0 && *ms <= Duration::max() / std::chrono::milliseconds(1)) {
    length = std::chrono::milliseconds(*ms);
  }
  if (!length) return invalid("must be a length of time, as 10s or 1h30m or an integer of milliseconds");
  value = *length;
  return {};
}

Result<void> read_optional(const Json& json, const Shape& shape, const Rules& rules, void* optional) {
  shape.clear(optional);
  if (json.is_null()) return {};
  return read_value(json, *shape.inner, rules, shape.grow(optional));
}

Result<void> read_list(const Json& json, const Shape& shape, const Rules& rules, void* list) {
  if (!json.is_array()) return invalid("must be an array");
  SLUICE_TRY(check_length(json.items().size(), rules, "items"));
  shape.clear(list);
  Rules item_rules = item_rules_of(rules);
  for (std::size_t i = 0; i < json.items().size(); ++i) {
    if (auto read_item = read_value(json.items()[i], *shape.inner, item_rules, shape.grow(list)); !read_item)
      return fail(error_inside(i, std::move(read_item).error()));
  }
  return {};
}

Result<void> read_field(const Json* json, const FieldFacts& field, void* object) {
  if (!json) return may_be_missing(field) ? Result<void>() : invalid("is missing");
  if (json->is_null() && !takes_null(field)) return field.rules.is_optional ? Result<void>() : invalid("must not be null");
  return read_value(*json, *field.shape, field.rules, static_cast<std::byte*>(object) + field.offset);
}

Result<void> read_struct(const Json& json, const FieldList& fields, void* object) {
  if (!json.is_object()) return invalid("must be an object");
  for (const FieldFacts& field : fields) {
    if (auto read_it = read_field(json.find(field.name), field, object); !read_it)
      return fail(error_inside(field.name, std::move(read_it).error()));
  }
  return {};
}

}  // namespace

void write_value(std::string& out, const Shape& shape, const void* value) {
  switch (shape.kind) {
    case ShapeKind::kBoolean: out += *static_cast<const bool*>(value) ? "true" : "false"; return;
    case ShapeKind::kInteger: return shape.append(out, value);
    case ShapeKind::kDouble: return append_json_number(out, *static_cast<const double*>(value));
    case ShapeKind::kText: return append_json_string(out, *static_cast<const std::string*>(value));
    case ShapeKind::kDuration: return append_json_string(out, format_duration(*static_cast<const Duration*>(value)));
    case ShapeKind::kJson: return append_json(out, *static_cast<const Json*>(value));
    case ShapeKind::kOptional: return write_optional(out, shape, value);
    case ShapeKind::kList: return write_list(out, shape, value);
    case ShapeKind::kStruct: return write_struct(out, shape, value);
  }
}

Result<void> read_value(const Json& json, const Shape& shape, const Rules& rules, void* value) {
  switch (shape.kind) {
    case ShapeKind::kBoolean: return read_boolean(json, *static_cast<bool*>(value));
    case ShapeKind::kInteger:
    case ShapeKind::kDouble: return read_number(json.number_text(), shape, rules, value);
    case ShapeKind::kText: return read_text(json, rules, *static_cast<std::string*>(value));
    case ShapeKind::kDuration: return read_duration(json, *static_cast<Duration*>(value));
    case ShapeKind::kJson: return *static_cast<Json*>(value) = json, Result<void>();
    case ShapeKind::kOptional: return read_optional(json, shape, rules, value);
    case ShapeKind::kList: return read_list(json, shape, rules, value);
    case ShapeKind::kStruct: return read_struct(json, shape.fields(), value);
  }
  return {};
}

Result<void> read_value(const Json& json, const Shape& shape, void* value) { return read_value(json, shape, Rules(), value); }

Result<void> read_text_value(std::string_view text, const JsonLimits& limits, const Shape& shape, void* value) {
  if (limits.duplicate_keys == DuplicateKeys::kRefuse) return parse_value(text, limits, shape, value);
  SLUICE_TRY(Json json, parse_json(text, limits));
  return read_value(json, shape, value);
}

Result<void> read_number(std::string_view spelling, const Shape& shape, const Rules& rules, void* value) {
  if (shape.kind == ShapeKind::kInteger) return read_integer(spelling, shape, rules, value);
  return read_double(spelling, rules, *static_cast<double*>(value));
}

Result<void> check_text(std::string_view text, const Rules& rules) {
  // As many bytes at least as characters: short ones need not be counted.
  if (text.size() > rules.length_max) SLUICE_TRY(check_length(code_points(text), rules, "characters"));
  if (rules.options.empty() || std::ranges::find(rules.options, text) != rules.options.end()) return {};
  return invalid("must be one of " + list_of(rules.options));
}

bool takes_null(const FieldFacts& field) noexcept {
  return field.shape->kind == ShapeKind::kOptional || field.shape->kind == ShapeKind::kJson;
}

bool may_be_missing(const FieldFacts& field) noexcept {
  return field.rules.is_optional || field.shape->kind == ShapeKind::kOptional;
}

Rules item_rules_of(const Rules& list_rules) {
  Rules rules = list_rules;
  rules.length_max = Rules().length_max;  // that was for the list
  return rules;
}

Result<void> check_length(std::size_t length, const Rules& rules, std::string_view unit) {
  if (length <= rules.length_max) return {};
  return invalid("must have at most " + std::to_string(rules.length_max) + " " + std::string(unit));
}

std::unexpected<Error> invalid(std::string detail) {
  return fail(Error(Code::kInvalidArgument, std::move(detail)).because("invalid-field"));
}

}  // namespace sluice::schema::internal
