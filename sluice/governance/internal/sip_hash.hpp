// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sluice::governance::internal {

/// A 64-bit hash that nobody can aim without the key, for tables whose keys come from outside.
/// Source: SipHash-2-4, J.-P. Aumasson and D. J. Bernstein, 2012, §2.
[[nodiscard]] std::uint64_t sip_hash(std::string_view bytes, const std::array<std::uint64_t, 2>& key) noexcept;

}  // namespace sluice::governance::internal
