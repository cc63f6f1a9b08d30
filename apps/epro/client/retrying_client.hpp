// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/http/client.hpp>
#include <sluice/http/request.hpp>
#include <sluice/http/response.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/semaphore.hpp>

namespace epro {

struct RetryOptions {
  /// Requests under way at a time, hence connections; who finds none free waits for one.
  std::size_t connections = 256;
  /// One try, from its turn to the whole answer. Longer than any server of ours takes to answer 503 by itself.
  sluice::Duration attempt_time = std::chrono::seconds(10);
  /// From the turn of the first try to the last one: longer than a server takes to be started again.
  sluice::Duration patience = std::chrono::minutes(2);
  /// Between tries where the server does not say: doubled each time, up to the second one.
  sluice::Duration backoff_first = std::chrono::milliseconds(100);
  sluice::Duration backoff_most = std::chrono::seconds(5);
  /// Of the jitter.
  std::uint64_t seed = 0;
};

/// How a request ended.
struct Outcome {
  /// The answer that settles it, whatever its status. kUnavailable `gave-up`: there was none in time, and it may or may
  /// not have been carried out. kCancelled and others: the cause of ctx, or what no repetition would mend (an unknown
  /// host, an answer that is too large).
  sluice::Result<sluice::http::Response> answer;
  std::uint64_t retries = 0;
};

/// Sends a request as a phone should: the same bytes again and again, until there is an answer that settles it.
///
///   Outcome outcome = sender.send(ctx, request);
///
/// It repeats after 408, 429 and every 5xx, a connection that is refused or lost, and no answer in time; not before
/// Retry-After where the server gives one. Waits are spread at random, so that those who were refused together do not come
/// back together. Requires of its user: a request that does the same when it is carried out twice (it carries an id).
/// Threads: any number of fibers. Lifetime: `client` and `clock` outlive it.
/// Source: AWS Architecture Blog, "Exponential Backoff And Jitter", with equal jitter; clinical.md §2.4.
class RetryingClient {
 public:
  /// `client` should keep as many connections as `options` allows.
  RetryingClient(sluice::http::Client& client, sluice::Clock& clock, const RetryOptions& options)
      : client_(client), clock_(clock), options_(options), turns_(options.connections), jitter_(options.seed) {}
  RetryingClient(const RetryingClient&) = delete;
  RetryingClient& operator=(const RetryingClient&) = delete;

  /// Parks.
  Outcome send(sluice::Context& ctx, const sluice::http::Request& request);

 private:
  sluice::Result<sluice::http::Response> try_once(sluice::Context& ctx, const sluice::http::Request& request);
  sluice::Duration wait_after(const sluice::Result<sluice::http::Response>& answer, std::uint64_t retries);
  double next_fraction();

  sluice::http::Client& client_;
  sluice::Clock& clock_;
  const RetryOptions options_;
  sluice::Semaphore turns_;
  std::atomic<std::uint64_t> jitter_;  // counted up by every fiber that waits; publishes nothing
};

}  // namespace epro
