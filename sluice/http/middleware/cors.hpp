// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <sluice/http/handler.hpp>

namespace sluice::http::middleware {

/// Which pages of other origins may read our answers.
struct CorsOptions {
  /// "https://app.example.org": this origin; "example.org": also all that end with ".example.org"; "*": any, and with
  /// credentials, as in go-zero: whoever's page it is acts for its user then. Compared without regard to case. None at all:
  /// every origin, but without credentials. Requires: no entry is empty.
  std::vector<std::string> origins = {};
  /// Request headers that pages may set, besides kHeaders.
  std::vector<std::string> headers = {};
};

/// Tells browsers so (the Fetch standard, §3.2). Stands around the router, so that each answer of it has these headers, and
/// answers every OPTIONS request with 204, which no handler sees. An origin that is not allowed is served all the same: its
/// browser withholds the answer, and what is no browser does not care.
/// Source: go-zero rest/internal/cors (contracts §4.7), headers and values to the letter.
[[nodiscard]] Middleware cors(CorsOptions options);

}  // namespace sluice::http::middleware
