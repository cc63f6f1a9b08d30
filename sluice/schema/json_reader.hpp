// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <sluice/base/result.hpp>

#include <sluice/schema/json_value.hpp>

namespace sluice::schema {

/// What to do with {"a":1,"a":2}, where readers disagree about what it says.
enum class DuplicateKeys : std::uint8_t {
  kRefuse,    ///< for clinical data: no guess about which one was meant
  kLastWins,  ///< as browsers and Go do it; the member stays where its name came first
};

/// What a document may demand of us, whoever sent it.
struct JsonLimits {
  /// Arrays and objects inside one another; a scalar alone has depth 0. At most kJsonDepthCeiling. 64: the deepest of
  /// the FHIR examples that we hold nests 21 deep.
  std::size_t depth_max = 64;
  /// Of the text. 16 MiB: four times the largest request body, and a study definition of 100,000 patients.
  std::size_t bytes_max = 16 * 1024 * 1024;
  /// Values in it, whatever they are inside of: what a short text can make many of. 2 million: a study of 100,000 patients
  /// has a third of that. Who knows the shape of what comes sets it lower.
  std::size_t values_max = 2'000'000;
  DuplicateKeys duplicate_keys = DuplicateKeys::kRefuse;
};

/// Reading, copying and destroying a Json recurse. A level of reading takes 0.6 KiB (GCC 12, -O1): this many fit into a
/// fiber's stack of 256 KiB and leave it more than half empty.
inline constexpr std::size_t kJsonDepthCeiling = 128;

/// Reads one JSON document (RFC 8259; a byte order mark is no part of one) and all of it. Time and memory are linear in
/// the text: at worst, for [1,1,…], 20 to 60 bytes of memory for one of text. Stack: by depth.
/// kInvalidArgument, with one of these reasons, and never anything of the text in the detail:
///   `malformed-json`  not JSON, or something follows it
///   `invalid-utf8`    not UTF-8, or an escape names half of a surrogate pair, which UTF-8 cannot hold
///   `duplicate-key`   two members of one name, compared without escapes; field: the second one
///   `too-deep`        beyond depth_max; field: the array or object that is too much
///   `too-large`       beyond bytes_max or values_max; in the second case it is noticed there, and nothing more is read
/// A field is a JSON Pointer to what is at fault, or to what contains it if the pointer were longer than
/// kPointerBytesMax. Threads: any. Requires: limits.depth_max <= kJsonDepthCeiling.
[[nodiscard]] Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

}  // namespace sluice::schema
