// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <memory>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/http/server.hpp>
#include <sluice/net/tls.hpp>
#include <sluice/observe/log_limit.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::http::internal {

/// How a server makes of a newcomer one whom it can trust to be read by nobody else, and what it tells when that fails: the
/// reason in http_server_refused_total, and a line at most once a second, with nothing in it that the newcomer said.
/// Threads: any. Lifetime: borrows all that it is given.
class Handshakes {
 public:
  /// `accepting`: when it ends all that are under way fail, which is not told. `time`: for each.
  Handshakes(const net::TlsServerContext& tls, Context& accepting, Duration time, const ServerParts& parts);

  /// Parks until both sides have agreed, or have not: then that has been told, and the stream is closed.
  Result<std::unique_ptr<net::TlsStream>> make(std::unique_ptr<net::Stream> stream);

 private:
  void tell(const Error& why);

  const net::TlsServerContext& tls_;
  Context& accepting_;
  const Duration time_;
  Clock& clock_;
  observe::Logger& log_;
  observe::CounterFamily& refused_;
  observe::LogLimit lines_{std::chrono::seconds(1)};
};

}  // namespace sluice::http::internal
