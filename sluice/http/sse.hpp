// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/http/request.hpp>
#include <sluice/http/response.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/semaphore.hpp>

namespace sluice::http {

/// One server-sent event.
struct Event {
  std::string_view data = {};  ///< UTF-8, any number of lines
  std::string_view name = {};  ///< what it is listened for by; empty: "message"
  std::string_view id = {};    ///< the client sends it as Last-Event-ID when it comes back; empty: as before
  /// How long the client waits before it comes back; nothing: as before. Sent in whole milliseconds.
  std::optional<Duration> retry = std::nullopt;
};

/// Puts the event at the end of `out` as it goes over the wire. Lines end in CR, LF or both, and each has its "data:".
/// kInvalidArgument `bad-event`: a name or id has a line end, or an id a NUL; names "name" or "id".
/// Source: WHATWG HTML §9.2, "Server-sent events".
Result<void> append_event(std::string& out, const Event& event);

/// Sends events to one client, each at once.
/// Threads: fibers only, any number. Lifetime: the call that it was given to.
class EventWriter {
 public:
  EventWriter(BodyWriter& body, Clock& clock);

  /// Parks while the client is slower than we are, behind other fibers' events. kInvalidArgument: as append_event, nothing was
  /// sent. kCancelled: the client has gone; or the cause of ctx. Give up then.
  Result<void> send(Context& ctx, const Event& event);

  // For event_stream():

  /// Sends the head of the reply.
  Result<void> begin(Context& ctx);
  /// A comment, which clients pass over, unless something was sent within this time. How long until it is wanted again.
  Result<Duration> keep_alive(Context& ctx, Duration interval);
  /// Parks until nobody is sending, and lets nobody send any more.
  Result<void> end(Context& ctx);

 private:
  Result<void> write(Context& ctx, std::string_view text);

  BodyWriter& body_;
  Clock& clock_;
  Semaphore turn_{1};
  Instant last_;  // owner of turn_ only; when something was sent
};

struct EventStreamOptions {
  /// A client that is told nothing for so long gets a comment, so that proxies between do not forget the connection, and a
  /// client that vanished without a word is found out. WHATWG advises 15 seconds. 0: never.
  Duration keep_alive = std::chrono::seconds(15);
};

/// What a client says who comes back: the id of the last event that it got. Empty: it comes for the first time.
[[nodiscard]] std::string last_event_id(const Request& request);

/// A reply that is a stream of events:
///
///   rest.get("/ticks", [&](Context&, const http::Request& request) {
///     std::string from = http::last_event_id(request);
///     return http::event_stream([&, from](Context& ctx, http::EventWriter& events) -> Result<void> {
///       for (const Tick& tick : ticks.since(from)) SLUICE_TRY(events.send(ctx, {.data = tick.json, .id = tick.id}));
///       return {};
///     });
///   });
///
/// The head leaves before the function is called. Its context ends as soon as the client goes away, and when the server's
/// time to drain is over. It runs after the middlewares have returned, hence without the timeout's limit; a handler that is
/// slow *before* it returns this is spared that limit if the client says `Accept: text/event-stream`.
/// Returning ends the stream; the client comes back after a while and asks again.
[[nodiscard]] Response event_stream(std::function<Result<void>(Context&, EventWriter&)> stream,
                                    const EventStreamOptions& options = {});

}  // namespace sluice::http
