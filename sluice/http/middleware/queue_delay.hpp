// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/http/handler.hpp>

namespace sluice {
class Clock;
}
namespace sluice::governance {
class QueueDelay;
}
namespace sluice::observe {
class Logger;
class Registry;
}

namespace sluice::http::middleware {

/// Refuses requests that have waited too long for their turn while all do (governance/queue_delay.hpp), by 503 `queue-delay`
/// with Retry-After, before anything is spent on them. What they waited for is a processor: from the moment at which their
/// first bytes were noticed. One QueueDelay serves all routes, which wait in the same queues.
/// Lifetime: all that it is given outlives the chain.
[[nodiscard]] Middleware queue_delay(governance::QueueDelay& delay, observe::Registry& metrics, observe::Logger& log,
                                     Clock& clock);

}  // namespace sluice::http::middleware
