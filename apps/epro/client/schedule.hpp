// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <sluice/base/clock.hpp>

namespace epro {

/// When each of `count` patients submits, counted from the start: drawn evenly from [0, within), ascending. The same seed
/// gives the same moments on every machine. Requires: within > 0.
[[nodiscard]] std::vector<sluice::Duration> draw_moments(std::size_t count, sluice::Duration within, std::uint64_t seed);

}  // namespace epro
