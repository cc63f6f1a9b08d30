// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace sluice::e2e {

/// The one patient of the DEMO study, and its path.
inline constexpr const char* kDemoPatient = "00000000-0000-4000-8000-000000900001";
inline constexpr const char* kSubmissions = "/v1/studies/DEMO/submissions";
inline constexpr const char* kVitals = "/v1/studies/DEMO/vitals:batch";

/// A UUID that differs for each number.
std::string submission_id(std::uint64_t number);
/// An evening diary that DEMO accepts: `pain` from 0 to 10, and `number` makes id and sequence its own.
std::string diary(std::uint64_t number, int pain = 4);
/// The value of a string member of a flat JSON object; empty if it is not there.
std::string member(std::string_view json, std::string_view name);

}  // namespace sluice::e2e
