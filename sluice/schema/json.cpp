// SPDX-License-Identifier: MIT
#include <sluice/schema/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

#include <sluice/base/clock.hpp>

#include <sluice/schema/duration.hpp>
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

std::unexpected<Error> invalid(std::string detail) {
  return fail(Error(Code::kInvalidArgument, std::move(detail)).because("invalid-field"));
}

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

Result<void> check_range(double number, const Rules& rules) {
  if (number < rules.min) return invalid("must be at least " + spell(rules.min));
  if (number > rules.max) return invalid("must be at most " + spell(rules.max));
  return {};
}

Result<void> check_length(std::size_t length, const Rules& rules, std::string_view unit) {
  if (length <= rules.length_max) return {};
  return invalid("must have at most " + std::to_string(rules.length_max) + " " + std::string(unit));
}

Result<void> read(const Json& json, const Shape& shape, const Rules& rules, void* value);

Result<void> read_boolean(const Json& json, bool& value) {
  if (!json.is_boolean()) return invalid("must be true or false");
  value = json.boolean();
  return {};
}

Result<void> read_integer(const Json& json, const Shape& shape, const Rules& rules, void* value) {
  const std::string& digits = json.number_text();
  if (digits.empty() || digits.find_first_of(".eE") != std::string::npos) return invalid("must be an integer");
  if (!shape.parse(digits, value)) return invalid("is out of range");
  return check_range(json.number().value_or(0), rules);  // what fits an integer fits a double
}

Result<void> read_double(const Json& json, const Rules& rules, double& value) {
  if (!json.is_number()) return invalid("must be a number");
  std::optional<double> number = json.number();
  if (!number) return invalid("is out of range");
  SLUICE_TRY(check_range(*number, rules));
  value = *number;
  return {};
}

Result<void> read_text(const Json& json, const Rules& rules, std::string& value) {
  if (!json.is_string()) return invalid("must be a string");
  SLUICE_TRY(check_length(code_points(json.text()), rules, "characters"));
  if (!rules.options.empty() && std::ranges::find(rules.options, json.text()) == rules.options.end())
    return invalid("must be one of " + list_of(rules.options));
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
  return read(json, *shape.inner, rules, shape.grow(optional));
}

Result<void> read_list(const Json& json, const Shape& shape, const Rules& rules, void* list) {
  if (!json.is_array()) return invalid("must be an array");
  SLUICE_TRY(check_length(json.items().size(), rules, "items"));
  shape.clear(list);
  Rules item_rules = rules;
  item_rules.length_max = Rules().length_max;  // that was for the list
  for (std::size_t i = 0; i < json.items().size(); ++i) {
    if (auto read_item = read(json.items()[i], *shape.inner, item_rules, shape.grow(list)); !read_item)
      return fail(error_inside(i, std::move(read_item).error()));
  }
  return {};
}

Result<void> read_field(const Json* json, const FieldFacts& field, void* object) {
  bool takes_null = field.shape->kind == ShapeKind::kOptional || field.shape->kind == ShapeKind::kJson;
  if (!json && (field.rules.is_optional || field.shape->kind == ShapeKind::kOptional)) return {};
  if (!json) return invalid("is missing");
  if (json->is_null() && !takes_null) return field.rules.is_optional ? Result<void>() : invalid("must not be null");
  return read(*json, *field.shape, field.rules, static_cast<std::byte*>(object) + field.offset);
}

Result<void> read_struct(const Json& json, const FieldList& fields, void* object) {
  if (!json.is_object()) return invalid("must be an object");
  for (const FieldFacts& field : fields) {
    if (auto read_it = read_field(json.find(field.name), field, object); !read_it)
      return fail(error_inside(field.name, std::move(read_it).error()));
  }
  return {};
}

Result<void> read(const Json& json, const Shape& shape, const Rules& rules, void* value) {
  switch (shape.kind) {
    case ShapeKind::kBoolean: return read_boolean(json, *static_cast<bool*>(value));
    case ShapeKind::kInteger: return read_integer(json, shape, rules, value);
    case ShapeKind::kDouble: return read_double(json, rules, *static_cast<double*>(value));
    case ShapeKind::kText: return read_text(json, rules, *static_cast<std::string*>(value));
    case ShapeKind::kDuration: return read_duration(json, *static_cast<Duration*>(value));
    case ShapeKind::kJson: return *static_cast<Json*>(value) = json, Result<void>();
    case ShapeKind::kOptional: return read_optional(json, shape, rules, value);
    case ShapeKind::kList: return read_list(json, shape, rules, value);
    case ShapeKind::kStruct: return read_struct(json, shape.fields(), value);
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

Result<void> read_value(const Json& json, const Shape& shape, void* value) { return read(json, shape, Rules(), value); }

}  // namespace sluice::schema::internal
