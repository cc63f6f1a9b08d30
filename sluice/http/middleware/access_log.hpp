// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/http/handler.hpp>

namespace sluice {
class Clock;
}
namespace sluice::observe {
class Logger;
}

namespace sluice::http::middleware {

/// One line for each request, in go-zero's form but without anything that the client chose: the route's pattern in place
/// of the path, "OTHER" for a method that is not HTTP's own, no query, no body, no address.
/// "[HTTP] 200 - GET /v1/studies/:study/submissions", with duration, sizes and trace. From 500 on it is an error and says
/// the cause; from kSlowRequest on there is a "slow" line as well.
/// Lifetime: both outlive the chain.
[[nodiscard]] Middleware access_log(observe::Logger& log, Clock& clock);

}  // namespace sluice::http::middleware
