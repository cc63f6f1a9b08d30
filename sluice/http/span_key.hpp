// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/observe/span.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::http {

/// Where a request's place in its trace travels: set by middleware/trace_id, read by logs and by the client.
inline constexpr ContextKey<observe::SpanContext> kSpanKey{"span"};

}  // namespace sluice::http
