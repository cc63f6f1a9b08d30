// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/http/response.hpp>

namespace sluice::http {

/// A refusal that a program can act on and a person can read: RFC 9457, with a stable `code` and a JSON Pointer to the
/// part of the input at fault. It never holds a value from the input, nor the detail of an error of our own.
struct Problem {
  int status = 500;
  std::string code;         ///< "duplicate-key"; never changes its meaning
  std::string pointer = {}; ///< "/items/3/value", or a header's name; empty: the whole message
  std::string title = {};   ///< one sentence; empty: the status' phrase
  /// What was exceeded, in the unit of that limit (bytes, items); left out if there is none.
  std::optional<std::uint64_t> limit = std::nullopt;
  /// When to come again. 429 and 503 always say it: kRetryAfterDefault if this is empty. Sent in whole seconds, rounded up.
  std::optional<Duration> retry_after = std::nullopt;
};

/// Its content type.
inline constexpr std::string_view kProblemType = "application/problem+json";

inline constexpr Duration kRetryAfterDefault = std::chrono::seconds(1);

/// The one table from errors to answers. A reason with a status of its own decides; else the code does, as gRPC's HTTP
/// mapping and go-zero have it, but for kCancelled, which is 499. What has no reason gets the code's name with hyphens.
[[nodiscard]] Problem problem_of(const Error& error);

[[nodiscard]] Response to_response(const Problem& problem);
/// Keeps the error as the response's cause.
[[nodiscard]] Response to_response(Error error);

}  // namespace sluice::http
