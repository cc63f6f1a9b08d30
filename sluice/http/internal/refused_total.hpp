// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/observe/registry.hpp>

namespace sluice::http::internal {

/// What the codec, the server and the middlewares refuse, by reason.
inline observe::CounterFamily& refused_total(observe::Registry& metrics) {
  return metrics.counter_family("http_server_refused_total", "http server requests and connections refused.", {"reason"});
}

}  // namespace sluice::http::internal
