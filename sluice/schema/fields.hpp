// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sluice/schema/shape.hpp>

/// Describes a struct by the names of its members, which are their names in JSON and YAML too. To be put below the
/// struct, in its namespace:
///   struct Ping { std::string message; };
///   SLUICE_FIELDS(Ping, message)
/// Each member is required but for a std::optional. Other names and rules: see schema::Fields.
/// Requires: a struct that is not final and has a default constructor.
#define SLUICE_FIELDS(Struct, ...)                                                                       \
  [[maybe_unused]] inline const ::sluice::schema::Fields<Struct>& sluice_fields(const Struct*) {         \
    struct Members : Struct { /* in whose functions the bare names mean the members */                   \
      ::sluice::schema::Fields<Struct> sluice_describe() { return {*this, #__VA_ARGS__, __VA_ARGS__}; }  \
    };                                                                                                   \
    static const ::sluice::schema::Fields<Struct> fields = Members{}.sluice_describe();                  \
    return fields;                                                                                       \
  }

namespace sluice::schema {

/// What a value that comes in must be, beyond being of its field's type. What is not said stays without a rule.
struct Rules {
  bool is_optional = false;
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  std::size_t length_max = std::numeric_limits<std::size_t>::max();
  std::vector<std::string> options;  ///< empty: any text
};

/// A field of some struct, without the struct's type.
struct FieldFacts {
  std::string name;         ///< the member's name in JSON and YAML
  std::size_t offset;       ///< of the member in the struct, in bytes
  const Shape* shape;       ///< of the member
  Rules rules = {};
  std::string key_text = {};  ///< the name as it stands in JSON: quoted, escaped, with a colon; set by FieldList
};

/// One field of the struct T while it is described; made by field(). Rules are for values that come in; what we write
/// is not checked. Those of an optional are for the value inside; range and options of a list are for each item.
template <class T>
class Field {
 public:
  explicit Field(FieldFacts facts) : facts_(std::move(facts)) {}

  /// May be missing or null: the member keeps its initialiser then. (A std::optional may be missing without this.)
  Field& optional() { return facts_.rules.is_optional = true, *this; }
  /// Of a number: min <= value <= max.
  Field& range(double min, double max) { return facts_.rules.min = min, facts_.rules.max = max, *this; }
  /// Of a text: one of these.
  Field& options(std::initializer_list<std::string> texts) { return facts_.rules.options = texts, *this; }
  /// Of a text: at most this many code points. Of a list: at most this many items.
  Field& length_max(std::size_t length) { return facts_.rules.length_max = length, *this; }

  [[nodiscard]] const FieldFacts& facts() const noexcept { return facts_; }

 private:
  FieldFacts facts_;
};

/// Begins the description of a member: field("heartRate", &Reading::heart_rate).
template <class T, class M>
[[nodiscard]] Field<T> field(std::string name, M T::*member);

/// The fields of a struct, in the order in which they are written.
class FieldList {
 public:
  /// Requires: names are unique; each rule suits the type of its field.
  explicit FieldList(std::vector<FieldFacts> fields);

  /// Null if there is none of this name.
  [[nodiscard]] const FieldFacts* find(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
  [[nodiscard]] auto begin() const noexcept { return fields_.begin(); }
  [[nodiscard]] auto end() const noexcept { return fields_.end(); }

 private:
  std::vector<FieldFacts> fields_;
};

namespace internal {

struct Place {
  std::size_t offset;
  const Shape* shape;
};

/// In bytes.
inline std::size_t distance(const void* object, const void* member) noexcept {
  return static_cast<std::size_t>(static_cast<const std::byte*>(member) - static_cast<const std::byte*>(object));
}

std::vector<FieldFacts> facts_of(std::string_view names, std::initializer_list<Place> places, std::size_t struct_size);

}  // namespace internal

/// The description of the struct T, written by SLUICE_FIELDS or, where names differ or values have rules, by hand in
/// the namespace of the struct:
///   inline const schema::Fields<Reading>& sluice_fields(const Reading*) {
///     static const schema::Fields<Reading> fields = {
///         schema::field("id", &Reading::id).length_max(128),
///         schema::field("heartRate", &Reading::heart_rate).range(0, 350),
///         schema::field("position", &Reading::position).options({"SITTING", "SUPINE"}).optional(),
///     };
///     return fields;
///   }
/// Threads: any. Lifetime: for ever, as a function-local static.
template <class T>
class Fields {
 public:
  Fields(std::initializer_list<Field<T>> fields) : list_(facts_of(fields)) {}
  /// `names` lists the members' names, separated by commas. Requires: the members are those of `object`.
  template <class... M>
  Fields(T& object, std::string_view names, M&... members);

  [[nodiscard]] const FieldList& list() const noexcept { return list_; }

 private:
  static std::vector<FieldFacts> facts_of(std::initializer_list<Field<T>> fields);

  FieldList list_;
};

// ---- implementation ----

template <class T, class M>
Field<T> field(std::string name, M T::*member) {
  // A pointer to a data member is the member's offset: Itanium C++ ABI, section 2.3, which GCC and Clang follow on our
  // platforms. A description without the type of its struct needs that number, and offsetof takes no pointer.
  return Field<T>({.name = std::move(name), .offset = std::bit_cast<std::size_t>(member), .shape = &shape_of<M>()});
}

template <class T>
template <class... M>
Fields<T>::Fields(T& object, std::string_view names, M&... members)
    : list_(internal::facts_of(names, {{internal::distance(&object, &members), &shape_of<M>()}...}, sizeof(T))) {}

template <class T>
std::vector<FieldFacts> Fields<T>::facts_of(std::initializer_list<Field<T>> fields) {
  std::vector<FieldFacts> facts;
  for (const Field<T>& field : fields) facts.push_back(field.facts());
  return facts;
}

}  // namespace sluice::schema
