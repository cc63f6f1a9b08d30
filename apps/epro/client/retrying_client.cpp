// SPDX-License-Identifier: MIT
#include <apps/epro/client/retrying_client.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sluice/http/status.hpp>
#include <sluice/runtime/go.hpp>

#include <apps/epro/client/random.hpp>

namespace epro {
namespace {

using sluice::Code;
using sluice::Context;
using sluice::Duration;
using sluice::Error;
using sluice::fail;
using sluice::Result;
using sluice::http::Response;
namespace status = sluice::http::status;

// A server that asks for more is not obeyed to the letter: patience ends somewhere.
constexpr Duration kRetryAfterMost = std::chrono::minutes(1);

bool is_settled(const Result<Response>& answer) {
  if (answer)
    return answer->status != status::kRequestTimeout && answer->status != status::kTooManyRequests &&
           !status::is_server_error(answer->status);
  switch (answer.error().code()) {
    case Code::kUnavailable:
    case Code::kDeadlineExceeded: return false;
    case Code::kResourceExhausted: return answer.error().reason() == "too-large";  // else: no descriptor, for now
    default: return true;
  }
}

// In whole seconds; the form with a date (RFC 9110 §10.2.3) nobody sends us.
std::optional<Duration> retry_after(const Result<Response>& answer) {
  if (!answer) return std::nullopt;
  auto text = answer->headers.find("retry-after");
  if (!text) return std::nullopt;
  std::uint32_t seconds = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc() || end != text->data() + text->size() || seconds == 0) return std::nullopt;
  return std::min<Duration>(std::chrono::seconds(seconds), kRetryAfterMost);
}

Error gave_up(const Result<Response>& last) {
  std::string why = last ? "the last answer was " + std::to_string(last->status) : last.error().describe();
  return Error(Code::kUnavailable, std::move(why)).with("no answer that settles it").because("gave-up");
}

}  // namespace

Outcome RetryingClient::send(Context& ctx, const sluice::http::Request& request) {
  std::optional<sluice::Instant> give_up_at;
  for (std::uint64_t retries = 0;; ++retries) {
    if (auto turn = turns_.acquire(ctx); !turn) return {fail(std::move(turn).error()), retries};
    if (!give_up_at) give_up_at = clock_.now() + options_.patience;
    Result<Response> answer = try_once(ctx, request);
    turns_.release();
    if (auto alive = ctx.check(); !answer && !alive) return {fail(std::move(alive).error()), retries};
    if (is_settled(answer)) return {std::move(answer), retries};
    Duration wait = wait_after(answer, retries);
    if (clock_.now() + wait > *give_up_at) return {fail(gave_up(answer)), retries};
    if (auto waited = sluice::sleep(ctx, wait); !waited) return {fail(std::move(waited).error()), retries};
  }
}

Result<Response> RetryingClient::try_once(Context& ctx, const sluice::http::Request& request) {
  Context attempt{ctx, options_.attempt_time};
  return client_.send(attempt, request);
}

Duration RetryingClient::wait_after(const Result<Response>& answer, std::uint64_t retries) {
  // Behind the moment the server named, by up to half of the wait; around the middle of a wait of our own.
  if (auto named = retry_after(answer))
    return *named + std::chrono::duration_cast<Duration>(*named * (next_fraction() / 2));
  Duration most = options_.backoff_first;
  for (std::uint64_t doubled = 0; doubled < retries && most < options_.backoff_most; ++doubled) most *= 2;
  most = std::min(most, options_.backoff_most);
  return most / 2 + std::chrono::duration_cast<Duration>(most * (next_fraction() / 2));
}

double RetryingClient::next_fraction() {
  // relaxed: only that no two get the same number matters.
  return Random(jitter_.fetch_add(1, std::memory_order_relaxed)).fraction();
}

}  // namespace epro
