// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <sluice/base/clock.hpp>

#include <sluice/schema/json_value.hpp>

namespace sluice::schema {

class FieldList;
template <class T>
class Fields;

/// A struct that SLUICE_FIELDS, or a `sluice_fields` written by hand, describes (fields.hpp).
template <class T>
concept Described = requires(const T* any) {
  { sluice_fields(any) } -> std::same_as<const Fields<T>&>;
};

enum class ShapeKind : std::uint8_t { kBoolean, kInteger, kDouble, kText, kDuration, kJson, kOptional, kList, kStruct };

/// A C++ type as data: what reading, writing and checking need to know of it, so that they are compiled once and not
/// again for each type. One constant per type, shape_of<T>().
/// Each void pointer points to a value of the type that the shape was made for. Lifetime: for ever.
struct Shape {
  ShapeKind kind;

  // kInteger.
  /// False, with the value unchanged, if these digits (perhaps with a minus) do not fit.
  bool (*parse)(std::string_view digits, void* integer) = nullptr;
  void (*append)(std::string& out, const void* integer) = nullptr;

  // kOptional and kList.
  const Shape* inner = nullptr;  ///< of what
  /// kOptional: the value inside, null if there is none; the index is 0. kList: the item.
  const void* (*at)(const void* container, std::size_t index) = nullptr;
  /// kOptional: a fresh value inside. kList: a fresh item at the end. Its address until the container changes.
  void* (*grow)(void* container) = nullptr;
  void (*clear)(void* container) = nullptr;
  std::size_t (*size)(const void* list) = nullptr;  ///< kList

  // kStruct.
  const FieldList& (*fields)() = nullptr;
};

/// The shape of bool, any integer, double, std::string, Duration, Json, a described struct, and of std::optional and
/// std::vector of these.
template <class T>
[[nodiscard]] constexpr const Shape& shape_of() noexcept;

// ---- implementation ----

namespace internal {

/// For the ten integer types, in shape.cpp.
template <class Integer>
bool parse_integer(std::string_view digits, void* integer);
template <class Integer>
void append_integer(std::string& out, const void* integer);

template <class T>
struct ShapeOf {
  static_assert(Described<T>, "this type has no JSON form: describe it with SLUICE_FIELDS, right below its definition");
  static const FieldList& fields() { return sluice_fields(static_cast<const T*>(nullptr)).list(); }
  static constexpr Shape kShape{.kind = ShapeKind::kStruct, .fields = &fields};
};

template <>
struct ShapeOf<bool> { static constexpr Shape kShape{.kind = ShapeKind::kBoolean}; };
template <>
struct ShapeOf<double> { static constexpr Shape kShape{.kind = ShapeKind::kDouble}; };
template <>
struct ShapeOf<std::string> { static constexpr Shape kShape{.kind = ShapeKind::kText}; };
template <>
struct ShapeOf<Duration> { static constexpr Shape kShape{.kind = ShapeKind::kDuration}; };
template <>
struct ShapeOf<Json> { static constexpr Shape kShape{.kind = ShapeKind::kJson}; };

template <std::integral Integer>
struct ShapeOf<Integer> {
  static constexpr Shape kShape{
      .kind = ShapeKind::kInteger, .parse = &parse_integer<Integer>, .append = &append_integer<Integer>};
};

template <class T>
struct ShapeOf<std::optional<T>> {
  using Optional = std::optional<T>;
  static const void* at(const void* optional, std::size_t) {
    const auto& value = *static_cast<const Optional*>(optional);
    return value ? &*value : nullptr;
  }
  static void* grow(void* optional) { return &static_cast<Optional*>(optional)->emplace(); }
  static void clear(void* optional) { static_cast<Optional*>(optional)->reset(); }
  static constexpr Shape kShape{
      .kind = ShapeKind::kOptional, .inner = &ShapeOf<T>::kShape, .at = &at, .grow = &grow, .clear = &clear};
};

template <class T>
struct ShapeOf<std::vector<T>> {
  static_assert(!std::same_as<T, bool>, "the items of std::vector<bool> have no address");
  using List = std::vector<T>;
  static const void* at(const void* list, std::size_t index) { return &(*static_cast<const List*>(list))[index]; }
  static void* grow(void* list) { return &static_cast<List*>(list)->emplace_back(); }
  static void clear(void* list) { static_cast<List*>(list)->clear(); }
  static std::size_t size(const void* list) { return static_cast<const List*>(list)->size(); }
  static constexpr Shape kShape{.kind = ShapeKind::kList, .inner = &ShapeOf<T>::kShape,
                                .at = &at, .grow = &grow, .clear = &clear, .size = &size};
};

}  // namespace internal

template <class T>
constexpr const Shape& shape_of() noexcept {
  return internal::ShapeOf<T>::kShape;
}

}  // namespace sluice::schema
