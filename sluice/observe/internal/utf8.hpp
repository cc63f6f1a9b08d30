// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::observe::internal {

/// Length in bytes of the well-formed UTF-8 character that `text` begins with; 0 if it begins with none (or is empty).
/// Source: The Unicode Standard, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] std::size_t utf8_length(std::string_view text) noexcept;

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

}  // namespace sluice::observe::internal
