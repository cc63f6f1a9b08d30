// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::schema {

struct Member;

enum class JsonKind : std::uint8_t { kNull, kBoolean, kNumber, kString, kArray, kObject };

/// A JSON value that loses nothing that was written: a number keeps its spelling (14.0 stays 14.0, 1e400 is kept), an
/// object the order of its members.
///   Json answer = Json::object();
///   answer.add("id", Json::string(id)).add("seq", Json::number(7)).add("flags", Json::array());
///   if (const Json* unit = answer.find("unit"); unit && unit->is_string()) use(unit->text());
/// Invariants: a number's text is_json_number. Threads: as any value. Moves are cheap and leave null behind; copies are
/// deep, and recurse as deep as the value nests: whoever reads from outside bounds that (JsonLimits::depth_max).
class Json {
 public:
  /// Null.
  Json() noexcept;
  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(const Json& other);
  Json& operator=(Json&& other) noexcept;
  ~Json();

  [[nodiscard]] static Json null() noexcept { return {}; }
  [[nodiscard]] static Json boolean(bool value);
  [[nodiscard]] static Json string(std::string text);
  template <std::integral Integer>
    requires(!std::same_as<Integer, bool>)
  [[nodiscard]] static Json number(Integer value);
  /// In the shortest spelling that reads back as the same double; null for infinities and NaN, which JSON has not.
  [[nodiscard]] static Json number(double value);
  /// In this very spelling. Requires: is_json_number(spelling).
  [[nodiscard]] static Json number(std::string_view spelling);
  [[nodiscard]] static Json array();
  [[nodiscard]] static Json array(std::vector<Json> items);
  [[nodiscard]] static Json object();
  [[nodiscard]] static Json object(std::vector<Member> members);

  [[nodiscard]] JsonKind kind() const noexcept { return static_cast<JsonKind>(value_.index()); }
  [[nodiscard]] bool is_null() const noexcept { return kind() == JsonKind::kNull; }
  [[nodiscard]] bool is_boolean() const noexcept { return kind() == JsonKind::kBoolean; }
  [[nodiscard]] bool is_number() const noexcept { return kind() == JsonKind::kNumber; }
  [[nodiscard]] bool is_string() const noexcept { return kind() == JsonKind::kString; }
  [[nodiscard]] bool is_array() const noexcept { return kind() == JsonKind::kArray; }
  [[nodiscard]] bool is_object() const noexcept { return kind() == JsonKind::kObject; }

  // What is inside, borrowed until this value changes. Of a value of another kind: false, empty or nothing.
  [[nodiscard]] bool boolean() const noexcept;
  [[nodiscard]] const std::string& text() const noexcept;         ///< a string's
  [[nodiscard]] const std::string& number_text() const noexcept;  ///< as it was spelled
  /// The nearest double; nothing if it lies beyond a double's range (1e400, 1e-400).
  [[nodiscard]] std::optional<double> number() const noexcept;
  /// A number written as an integer: digits, perhaps a minus. Nothing for 4.0 and 4e0, whose spelling says that they
  /// were measured, not counted, and for what is beyond 64 bits.
  [[nodiscard]] std::optional<std::int64_t> integer() const noexcept;
  [[nodiscard]] const std::vector<Json>& items() const noexcept;      ///< an array's
  [[nodiscard]] const std::vector<Member>& members() const noexcept;  ///< an object's, in their order
  /// The member of this name: null if there is none, or this is no object. Compares one name after the other.
  [[nodiscard]] const Json* find(std::string_view name) const noexcept;

  /// Appends a member. Requires: an object without a member of this name (which is not checked, for it costs).
  Json& add(std::string name, Json value);
  /// Appends an item. Requires: an array.
  Json& push(Json item);

  /// Equal kinds and contents: numbers by their spelling (1 is not 1.0), members also by their order.
  friend bool operator==(const Json& a, const Json& b) noexcept;

 private:
  struct Number {
    std::string text;
    friend bool operator==(const Number&, const Number&) = default;
  };
  // The order of JsonKind.
  using Value = std::variant<std::monostate, bool, Number, std::string, std::vector<Json>, std::vector<Member>>;

  explicit Json(Value value) noexcept;

  Value value_;
};

/// One member of an object: `name` without escapes.
struct Member {
  std::string name;
  Json value;

  friend bool operator==(const Member&, const Member&) = default;
};

/// Whether a text is a number as RFC 8259 §6 writes it: no leading plus, no leading zero, a digit on both sides of the
/// point.
[[nodiscard]] bool is_json_number(std::string_view text) noexcept;

// ---- implementation ----

template <std::integral Integer>
  requires(!std::same_as<Integer, bool>)
Json Json::number(Integer value) {
  return number(std::string_view(std::to_string(value)));
}

}  // namespace sluice::schema
