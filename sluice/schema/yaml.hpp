// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/base/result.hpp>

#include <sluice/schema/json.hpp>
#include <sluice/schema/json_value.hpp>
#include <sluice/schema/shape.hpp>

namespace sluice::schema {

/// Of a YAML text. 16 MiB: a study definition of 100,000 patients.
inline constexpr std::size_t kYamlBytesMax = 16 * 1024 * 1024;
/// Mappings and sequences inside one another, as for JSON.
inline constexpr std::size_t kYamlDepthMax = 64;

/// Reads one YAML document as the JSON value that it stands for. A plain scalar is null (empty, ~, null), a boolean
/// (true, false) or a number if it spells one as JSON does (so 0x1F, .5 and 1_000 are strings); each other one, and
/// whatever is quoted, is a string. An empty text is null. Keys are scalars and taken as they are written.
/// Left out on purpose: aliases, which can blow a kilobyte up to gigabytes, tags, and a second document.
/// kInvalidArgument, with one of these reasons, and never anything of the text in the detail:
///   `malformed-yaml`  not YAML, or a part of it that we leave out; the detail says line and column, counted from 1
///   `invalid-utf8`    also the escapes \N and \_, of which yaml-cpp makes none
///   `too-deep`, `too-large`
///   `duplicate-key`   field: JSON Pointer to the second one; the detail says its line and column
[[nodiscard]] Result<Json> parse_yaml(std::string_view text);

/// As from_json, from YAML. Keys that no field has are ignored, but told to `warnings` with the nearest one that there
/// is: "unknown key Prot, did you mean Port?". Keys are compared exactly.
template <class T>
[[nodiscard]] Result<T> from_yaml(std::string_view text, std::vector<std::string>* warnings = nullptr);

// ---- implementation ----

namespace internal {

void warn_of_unknown_keys(const Json& json, const Shape& shape, std::vector<std::string>& warnings);

}  // namespace internal

template <class T>
Result<T> from_yaml(std::string_view text, std::vector<std::string>* warnings) {
  SLUICE_TRY(Json json, parse_yaml(text));
  if (warnings) internal::warn_of_unknown_keys(json, shape_of<T>(), *warnings);
  return from_json<T>(json);
}

}  // namespace sluice::schema
