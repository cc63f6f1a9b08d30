// SPDX-License-Identifier: MIT
#include <sluice/http/sse.hpp>

#include <utility>

#include <sluice/http/internal/h1_lines.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/task_group.hpp>

namespace sluice::http {
namespace {

using Stream = std::function<Result<void>(Context&, EventWriter&)>;

void append_line(std::string& out, std::string_view field, std::string_view value) {
  out.append(field).append(": ").append(value).append("\n");
}

// A line for each of the text's. A line end that ends the text is followed by another, empty line: the client joins lines by
// LF, and so gets back what was sent.
void append_data(std::string& out, std::string_view text) {
  for (;;) {
    std::size_t end = text.find_first_of("\r\n");
    append_line(out, "data", text.substr(0, end));
    if (end == text.npos) return;
    text.remove_prefix(end);
    text.remove_prefix(text.starts_with("\r\n") ? 2 : 1);
  }
}

bool has_line_end(std::string_view text) noexcept { return text.find_first_of("\r\n") != text.npos; }

// Until a comment cannot be sent, or ctx ends.
Result<void> keep_alive(Context& ctx, EventWriter& events, Duration interval) {
  for (Duration rest = interval;;) {
    SLUICE_TRY(sleep(ctx, rest));
    SLUICE_TRY(rest, events.keep_alive(ctx, interval));
  }
}

Result<void> run(Context& ctx, const Stream& stream, EventWriter& events, Duration interval) {
  Context served(ctx);
  TaskGroup group(ctx);
  if (interval > Duration::zero()) {
    group.go([&](Context& own) {
      auto lost = keep_alive(own, events, interval);
      if (!own.is_cancelled()) served.cancel(std::move(lost).error());
    });
  }
  auto streamed = stream(served, events);
  SLUICE_TRY(events.end(ctx));  // a comment that is cut in its middle would break the reply
  return streamed;
}

}  // namespace

Result<void> append_event(std::string& out, const Event& event) {
  if (has_line_end(event.name)) return internal::malformed("bad-event", "name");
  if (has_line_end(event.id) || event.id.contains('\0')) return internal::malformed("bad-event", "id");
  if (!event.name.empty()) append_line(out, "event", event.name);
  if (!event.id.empty()) append_line(out, "id", event.id);
  if (event.retry) {
    append_line(out, "retry", std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(*event.retry).count()));
  }
  append_data(out, event.data);
  out.append("\n");
  return {};
}

EventWriter::EventWriter(BodyWriter& body, Clock& clock) : body_(body), clock_(clock), last_(clock.now()) {}

Result<void> EventWriter::send(Context& ctx, const Event& event) {
  std::string text;
  SLUICE_TRY(append_event(text, event));
  SLUICE_TRY(turn_.acquire(ctx));
  return write(ctx, text);
}

Result<void> EventWriter::begin(Context& ctx) { return body_.write(ctx, {}); }

Result<Duration> EventWriter::keep_alive(Context& ctx, Duration interval) {
  SLUICE_TRY(turn_.acquire(ctx));
  Duration silent = clock_.now() - last_;
  if (silent < interval) {
    turn_.release();
    return interval - silent;
  }
  SLUICE_TRY(write(ctx, ":\n\n"));
  return interval;
}

Result<void> EventWriter::end(Context& ctx) { return turn_.acquire(ctx); }

// Requires: the turn, which it gives back.
Result<void> EventWriter::write(Context& ctx, std::string_view text) {
  auto written = body_.write(ctx, text);
  last_ = clock_.now();
  turn_.release();
  return written;
}

std::string last_event_id(const Request& request) {
  return std::string(request.headers().find("last-event-id").value_or(""));
}

Response event_stream(Stream stream, const EventStreamOptions& options) {
  Response response = Response::streamed(
      "text/event-stream", [stream = std::move(stream), interval = options.keep_alive](Context& ctx, BodyWriter& body) {
        EventWriter events(body, runtime_clock());
        auto begun = events.begin(ctx);
        return begun ? run(ctx, stream, events, interval) : begun;
      });
  response.headers.add("Cache-Control", "no-cache");
  response.headers.add("Connection", "keep-alive");
  return response;
}

}  // namespace sluice::http
