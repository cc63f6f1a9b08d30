// SPDX-License-Identifier: MIT
#include <sluice/schema/fields.hpp>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include <sluice/base/assert.hpp>

#include <sluice/schema/json_writer.hpp>

namespace sluice::schema {
namespace {

ShapeKind kind_inside(const Shape* shape) noexcept {
  while (shape->inner) shape = shape->inner;
  return shape->kind;
}

ShapeKind kind_of_value(const Shape* shape) noexcept {
  while (shape->kind == ShapeKind::kOptional) shape = shape->inner;
  return shape->kind;
}

void check_rules(const FieldFacts& field) {
  const Rules& rules = field.rules;
  ShapeKind inside = kind_inside(field.shape), value = kind_of_value(field.shape);
  if (std::isfinite(rules.min) || std::isfinite(rules.max))
    SLUICE_ASSERT(inside == ShapeKind::kInteger || inside == ShapeKind::kDouble, "range() is for numbers");
  SLUICE_ASSERT(rules.options.empty() || inside == ShapeKind::kText, "options() is for texts");
  if (rules.length_max != Rules().length_max)
    SLUICE_ASSERT(value == ShapeKind::kText || value == ShapeKind::kList, "length_max() is for texts and lists");
}

}  // namespace

FieldList::FieldList(std::vector<FieldFacts> fields) : fields_(std::move(fields)) {
  std::unordered_set<std::string_view> names;
  for (FieldFacts& field : fields_) {
    SLUICE_ASSERT(names.insert(field.name).second, "the names of a struct's fields are unique");
    check_rules(field);
    append_json_string(field.key_text, field.name);
    field.key_text += ':';
  }
}

const FieldFacts* FieldList::find(std::string_view name) const noexcept {
  for (const FieldFacts& field : fields_)
    if (field.name == name) return &field;
  return nullptr;
}

namespace internal {

std::vector<FieldFacts> facts_of(std::string_view names, std::initializer_list<Place> places, std::size_t struct_size) {
  std::vector<FieldFacts> facts;
  for (const Place& place : places) {
    SLUICE_ASSERT(place.offset < struct_size, "SLUICE_FIELDS lists members of its struct, and no static ones");
    std::string_view name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(name.size() + 1, names.size()));
    name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
    name = name.substr(0, name.find_last_not_of(' ') + 1);
    facts.push_back({.name = std::string(name), .offset = place.offset, .shape = place.shape});
  }
  return facts;
}

}  // namespace internal
}  // namespace sluice::schema
