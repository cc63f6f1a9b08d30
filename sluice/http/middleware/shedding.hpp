// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/http/handler.hpp>

namespace sluice {
class Clock;
}
namespace sluice::governance {
class Shedder;
}
namespace sluice::observe {
class Logger;
class Registry;
}

namespace sluice::http::middleware {

/// Refuses what a busy machine could not carry (governance/shedder.hpp) by 503 `shedding` with Retry-After, before anything is
/// spent on it. One shedder serves all routes: they share the machine. A 503 from further in is not counted as carried.
/// A streamed reply counts as carried when its handler has returned.
/// Lifetime: all that it is given outlives the chain.
[[nodiscard]] Middleware shedding(governance::Shedder& shedder, observe::Registry& metrics, observe::Logger& log, Clock& clock);

}  // namespace sluice::http::middleware
