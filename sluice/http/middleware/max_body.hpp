// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <sluice/http/handler.hpp>

namespace sluice::http::middleware {

/// Reads the request's body, chunked or not, so that the handler finds it in memory. More than `limit` bytes are 413
/// `too-large`, which tells the limit; a length that is announced is judged before a byte is read. Parks.
[[nodiscard]] Middleware max_body(std::size_t limit);

}  // namespace sluice::http::middleware
