// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace sluice::schema::internal {

/// The candidate that `word` was probably meant to be: equal but for case, or the fewest typing mistakes away (a letter
/// too many, too few, wrong, or two in the wrong order), at most one in three letters. Empty if none is near.
[[nodiscard]] std::string_view nearest_word(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace sluice::schema::internal
