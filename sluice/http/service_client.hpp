// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/governance/breaker.hpp>
#include <sluice/governance/retry.hpp>
#include <sluice/http/request.hpp>
#include <sluice/http/response.hpp>
#include <sluice/observe/family.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::observe {
class Registry;
}

namespace sluice::http {

class Client;

struct ServiceClientOptions {
  /// Attempts for one call, the first one included; 1: never again.
  int attempts_max = 3;
  /// A request with an Idempotency-Key may be repeated whatever its method: for services that keep their word about it.
  bool trusts_idempotency_keys = false;
  governance::RetryBudget::Options budget = {};
  governance::Backoff::Options backoff = {};
  std::uint64_t seed = 0;  ///< of the breaker's dice and the waits; 0: by name
};

/// Asks one service, by its name, with consideration for it: a breaker stops the calls while it fails, and what failed is
/// tried again only where that is safe, after a drawn wait, within the time of the call and a budget for all calls.
///
///   ServiceClient drugs("drugs", client, runtime_clock(), registry);
///   SLUICE_TRY(auto response, drugs.send(ctx, Request("GET", "/drugs/42")));
///
/// Tried again: methods that RFC 9110 §9.2.2 calls idempotent (but not TRACE), if there was no answer, or it was 429, 502, 503
/// or 504; Retry-After is heeded, and where it does not fit into the context's time, what came last is returned at once.
/// An answer that the client could not use (`too-large`, `bad-response`) is not asked for again.
/// The breaker counts 5xx and no answer as failures, unless the caller has gone away; each attempt is a call to it.
/// kUnavailable `breaker-open`: it was not asked.
/// Metrics: go-zero's httpc_client_requests_duration_ms{name,method,url} and httpc_client_requests_code_total{name,method,url,
/// code}, of each attempt; the url stays empty, for a path holds ids, and the code of no answer is "none". Besides,
/// httpc_client_retries_total{name} and httpc_client_refused_total{name,reason}: `breaker-open`, `retry-budget`.
/// Threads: any number of fibers. Lifetime: client, clock and registry outlive it. Source: go-zero rest/httpc, which does not
/// retry.
class ServiceClient {
 public:
  using Send = std::function<Result<Response>(Context&, const Request&)>;

  ServiceClient(std::string name, Client& client, Clock& clock, observe::Registry& registry,
                ServiceClientOptions options = {});
  /// Over something else: `send` is called by many fibers at once.
  ServiceClient(std::string name, Send send, Clock& clock, observe::Registry& registry, ServiceClientOptions options = {});
  ServiceClient(const ServiceClient&) = delete;
  ServiceClient& operator=(const ServiceClient&) = delete;

  /// As Client::send. Parks, also between attempts.
  Result<Response> send(Context& ctx, const Request& request);

 private:
  Result<Response> attempt(Context& ctx, const Request& request);
  [[nodiscard]] bool may_repeat(const Request& request) const;

  const std::string name_;
  const Send send_;
  Clock& clock_;
  const ServiceClientOptions options_;
  std::atomic<std::uint64_t> calls_{0};  // for seeds; a count by itself
  governance::RetryBudget budget_;
  governance::Breaker breaker_;
  observe::HistogramFamily& durations_;
  observe::CounterFamily& answers_;
  observe::Counter& retries_;
  observe::Counter& refused_by_breaker_;
  observe::Counter& refused_by_budget_;
};

}  // namespace sluice::http
