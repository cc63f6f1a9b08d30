// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <sluice/http/body_budget.hpp>
#include <sluice/net/stream.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::http {

/// A connection after its 101: the bytes belong to another protocol now, and to whoever Response::take_over has called.
/// Lifetime: that call.
struct Upgraded {
  net::Stream& stream;
  std::string_view early;  ///< what has come behind the request already
  BodyBudget* bodies;      ///< where to count what is kept in memory of what comes in; null: there is no limit
  /// Ends when the server is told to stop: say goodbye. The context of the call ends when the time to drain is over.
  Context& stopping;
};

}  // namespace sluice::http
