// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <sluice/base/result.hpp>

#include <apps/epro/record/study.hpp>

namespace epro {

/// What publishing `after` in place of `before` changes, a line each, for people: "patient 701-1001: added". Empty if it
/// changes nothing. Long lists are cut: after kChangesListed of one kind comes "… and 49990 more: added".
[[nodiscard]] std::vector<std::string> changes(const Study& before, const Study& after);
inline constexpr std::size_t kChangesListed = 10;  // fits on a screen

/// Whether `after` may take the place of `before`. Reports may refer to everything that was ever published, so no site,
/// patient or instrument version may go, nor may an instrument version ask anything else than it did.
/// kFailedPrecondition `study-has-data`: the pointer names the list (in `after`) that lacks something, or the instrument
/// that changed; the detail says what. Requires: both have passed check().
[[nodiscard]] sluice::Result<void> check_successor(const Study& before, const Study& after);

}  // namespace epro
