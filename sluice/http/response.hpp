// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <sluice/base/clock.hpp>
#include <sluice/base/result.hpp>
#include <sluice/http/headers.hpp>
#include <sluice/http/status.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::http {

/// Takes a body piece by piece.
/// Threads: the fiber that it was given to.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  /// Sends it at once, with the head if that has not left yet, for which an empty piece will do. Parks while the client is
  /// slower than we are. kCancelled: it has gone; or the cause of ctx. Give up then.
  virtual Result<void> write(Context& ctx, std::string_view piece) = 0;
  /// Fields that follow the body when it is whole; the last call counts. Only HTTP/2 sends them: an HTTP/1.1 client would
  /// have to ask for them, and hardly one does.
  virtual void set_trailers(Headers) {}
};

struct Upgraded;

/// The content types that we send, in go-zero's spelling.
inline constexpr std::string_view kJsonType = "application/json; charset=utf-8";
inline constexpr std::string_view kTextType = "text/plain; charset=utf-8";

/// What a client gets, or got. The connection adds Date, Content-Length or Transfer-Encoding, and Connection.
/// Threads: as any value.
struct Response {
  /// Called after the handler has returned, by the connection, so it owns what it uses. An error breaks the connection
  /// off, for the client must not take a part for the whole.
  /// Its context ends as soon as the client goes away, whether it writes or waits (internal/peer_watch.hpp).
  using Stream = std::function<Result<void>(Context&, BodyWriter&)>;
  /// Called by the connection when the head has left, to speak another protocol on it (upgraded.hpp); when it returns, the
  /// connection closes. As a stream it owns what it uses; unlike one it may look at the request, which lives as long. An
  /// error is for metrics and the log.
  using TakeOver = std::function<Result<void>(Context&, const Upgraded&)>;

  int status = status::kOk;
  Headers headers = {};
  std::string body = {};
  Stream stream = nullptr;  ///< if set, it makes the body and `body` is not sent; its length is unknown before
  TakeOver take_over = nullptr;  ///< if set, status is 101 and there is no body
  bool close = false;       ///< the connection ends after this reply; over HTTP/2, after those under way as well
  bool is_shed = false;     ///< a refusal for lack of time, before anybody was asked: it says nothing about the route
  /// Why it is a refusal, for the log alone: it never leaves the process. Nothing if it is none.
  std::optional<Error> cause = std::nullopt;
  /// When; nothing if nobody has looked yet. Who changes it later, and takes his time, takes this away again.
  Instant made = {};
  /// Fields that follow `body`; as BodyWriter::set_trailers.
  Headers trailers = {};

  /// For who measures: looks at the clock if nobody nearer to the handler has.
  [[nodiscard]] Instant made_at(const Clock& clock) {
    if (made == Instant()) made = clock.now();
    return made;
  }

  [[nodiscard]] static Response empty(int status = status::kOk);
  [[nodiscard]] static Response text(std::string body, int status = status::kOk);
  /// `json` is JSON text already; see handler.hpp for structs.
  [[nodiscard]] static Response json_text(std::string json, int status = status::kOk);
  [[nodiscard]] static Response with_type(std::string_view content_type, std::string body, int status = status::kOk);
  [[nodiscard]] static Response streamed(std::string_view content_type, Stream stream, int status = status::kOk);
};

}  // namespace sluice::http
