// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <sluice/http/handler.hpp>

namespace sluice::http::middleware {

/// Unpacks a body that came with `Content-Encoding: gzip`, so that everybody behind it sees what was meant. A body that
/// unpacks to more than `limit` bytes is 413 `too-large`, however small it came; one that is not gzip, is cut off or has
/// something behind it is 400 `bad-gzip`; another coding is 415 `unsupported-media-type`. All at "content-encoding".
/// Put it behind max_body, which has read the body. Source: RFC 9110 §8.4, RFC 1952.
[[nodiscard]] Middleware gunzip(std::size_t limit);

}  // namespace sluice::http::middleware
