// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/http/handler.hpp>

namespace sluice::observe {
class Logger;
}

namespace sluice::http::middleware {

/// A handler that throws costs its own request a 500 and nobody else anything. The log tells the exception's type; what it
/// says may be somebody's data and stays out. Belongs inside `timeout`, on the fiber where the handler runs.
/// Lifetime: `log` outlives the chain.
[[nodiscard]] Middleware recover(observe::Logger& log);

}  // namespace sluice::http::middleware
