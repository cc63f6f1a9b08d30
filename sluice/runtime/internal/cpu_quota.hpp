// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace sluice::internal {

/// How many processors this process may use: its affinity mask, cut to the cgroup's quota (v2 cpu.max), rounded up; at
/// least one.
[[nodiscard]] std::size_t usable_processors();

}  // namespace sluice::internal
