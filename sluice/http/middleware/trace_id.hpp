// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/http/handler.hpp>

namespace sluice::observe {
class IdSource;
}

namespace sluice::http::middleware {

/// Gives each request its place in a trace: the caller's, if it sent a sound `traceparent`, else the start of a new one.
/// Found in the context under kSpanKey; the reply carries it as `Traceparent`. Lifetime: `ids` outlives the chain.
[[nodiscard]] Middleware trace_id(observe::IdSource& ids);

}  // namespace sluice::http::middleware
