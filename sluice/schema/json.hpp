// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include <sluice/base/result.hpp>

#include <sluice/schema/fields.hpp>
#include <sluice/schema/json_reader.hpp>
#include <sluice/schema/json_value.hpp>
#include <sluice/schema/shape.hpp>

namespace sluice::schema {

/// A value as compact JSON: a described struct, or any other type with a shape (shape.hpp). Fields in the order of
/// their description; an empty optional is left out. Doubles in the shortest spelling that reads back the same.
template <class T>
[[nodiscard]] std::string to_json(const T& value);
/// The same, appended.
template <class T>
void append_json_of(std::string& out, const T& value);

/// The value that JSON says. A field that is missing keeps what T's initialisers give it if it may be missing; null
/// means missing, except in a Json. Members without a field are ignored. Integers must be written as integers
/// (Json::integer), a Duration as text ("1h30m") or as an integer of milliseconds.
/// kInvalidArgument `invalid-field`: missing, of a wrong type, out of its type's range or against its rules; the
/// error's field is the JSON Pointer to it. From a text also whatever parse_json gives; of several mistakes, one.
template <class T>
[[nodiscard]] Result<T> from_json(const Json& json);
template <class T>
[[nodiscard]] Result<T> from_json(std::string_view text, const JsonLimits& limits = {});

// ---- implementation ----

namespace internal {

void write_value(std::string& out, const Shape& shape, const void* value);
Result<void> read_value(const Json& json, const Shape& shape, void* value);
Result<void> read_text_value(std::string_view text, const JsonLimits& limits, const Shape& shape, void* value);

}  // namespace internal

template <class T>
std::string to_json(const T& value) {
  std::string out;
  append_json_of(out, value);
  return out;
}

template <class T>
void append_json_of(std::string& out, const T& value) {
  internal::write_value(out, shape_of<T>(), &value);
}

template <class T>
Result<T> from_json(const Json& json) {
  T value{};
  SLUICE_TRY(internal::read_value(json, shape_of<T>(), &value));
  return value;
}

template <class T>
Result<T> from_json(std::string_view text, const JsonLimits& limits) {
  T value{};
  SLUICE_TRY(internal::read_text_value(text, limits, shape_of<T>(), &value));
  return value;
}

}  // namespace sluice::schema
