// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <sluice/base/result.hpp>

namespace sluice::schema {

/// The JSON Pointer (RFC 6901) of a member or item of what `base` points to; `base` is empty for the whole document.
/// pointer("/items", 3) is "/items/3", pointer("", "a/b") is "/a~1b".
[[nodiscard]] std::string pointer(std::string_view base, std::string_view name);
[[nodiscard]] std::string pointer(std::string_view base, std::size_t index);

/// A pointer goes into answers and logs, but its names come from outside: beyond this many bytes an error points to
/// something further out. Identifiers in our documents have at most 128 bytes and nest a few deep.
inline constexpr std::size_t kPointerBytesMax = 1024;

/// The error, seen from one level further out: its field gets `name` (or `index`) in front. Whoever descends calls this
/// on the way back, so that a path costs nothing while all goes well.
[[nodiscard]] Error error_inside(std::string_view name, Error error);
[[nodiscard]] Error error_inside(std::size_t index, Error error);

}  // namespace sluice::schema
