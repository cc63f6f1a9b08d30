// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <sluice/base/result.hpp>
#include <sluice/schema/fields.hpp>
#include <sluice/schema/json_reader.hpp>
#include <sluice/schema/json_value.hpp>
#include <sluice/schema/shape.hpp>

// What the two ways from JSON to a struct share: by way of a Json (json.cpp), and straight from a text (json_reader.cpp).
namespace sluice::schema::internal {

/// The value that `json` says, of this shape and by these rules.
Result<void> read_value(const Json& json, const Shape& shape, const Rules& rules, void* value);

/// The same from a text, without a Json in between but for single values. Refuses duplicate keys, whatever limits say.
Result<void> parse_value(std::string_view text, const JsonLimits& limits, const Shape& shape, void* value);

/// A number in this spelling, as JSON has it, to an integer or a double.
Result<void> read_number(std::string_view spelling, const Shape& shape, const Rules& rules, void* value);
Result<void> check_text(std::string_view text, const Rules& rules);

/// Whether null is a value to this field, not the lack of one.
[[nodiscard]] bool takes_null(const FieldFacts& field) noexcept;
[[nodiscard]] bool may_be_missing(const FieldFacts& field) noexcept;
/// Those of a list's items.
[[nodiscard]] Rules item_rules_of(const Rules& list_rules);
Result<void> check_length(std::size_t length, const Rules& rules, std::string_view unit);
/// kInvalidArgument `invalid-field`.
[[nodiscard]] std::unexpected<Error> invalid(std::string detail);

}  // namespace sluice::schema::internal
