// SPDX-License-Identifier: MIT
//
// The life of a connection:
//
//   accepted ──▶ session ──all answered──▶ idle, without a fiber ──bytes, the end──▶ session …
//                   │ over, or over to HTTP/2 │ idle_time, stop
//                   └─────────▶ closed ◀──────┘
#include <sluice/http/h1_connection.hpp>

#include <algorithm>
#include <string>
#include <utility>

#include <sluice/base/assert.hpp>
#include <sluice/http/h2_connection.hpp>
#include <sluice/http/internal/h1_session.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/standby.hpp>

namespace sluice::http {

class H1Connection::Kept final : public Standby {
 public:
  Kept(std::unique_ptr<net::Stream> stream, H1Service& service)
      : Standby(service.accepting), service_(service), stream_(std::move(stream)) {}

  // On a fiber, whose last act it may be: then we are gone. `arrived`: when what is there was noticed.
  void serve(Instant arrived) {
    // Of its own: each request hangs a few contexts below it, and on the server's all processors would meet. Made here, so
    // that it belongs to the processor that serves the connection.
    if (!requests_) requests_.emplace(service_.requests);
    do {
      if (service_.accepting.is_cancelled() || !serve_what_came(arrived)) return close();
      arrived = {};  // if there is more, it will be noticed only when it is read
      // Half a TLS record wakes us too, but is no reason to wait longer.
      if (std::exchange(session_.has_heard, false)) idle_until_ = Deadline::after(service_.clock, service_.options.idle_time);
    } while (!stream_->stand_by(*this, idle_until_));
  }

 private:
  void on_wake(Cause cause, Instant woken) noexcept override {
    if (cause == Cause::kReadable) return serve(woken);
    stream_->shutdown_write();  // nothing was under way: over TLS it is to look like an end, and not like a cut
    close();
  }

  // False: the connection is over.
  bool serve_what_came(Instant arrived) {
    using End = internal::H1Session::End;
    std::string preface;
    {
      internal::H1Session session(*stream_, service_, session_);
      End end = session.serve(*requests_, arrived);
      if (end != End::kHttp2) return end == End::kIdle;
      preface = session.input();
    }
    H2Connection::serve(*stream_, *service_.h2, *requests_, service_.accepting, preface);
    return false;
  }

  void close() {
    H1Service& service = service_;
    delete this;
    service.on_closed();
  }

  H1Service& service_;
  std::optional<Context> requests_;
  Deadline idle_until_;
  internal::H1Session::Kept session_;
  const std::unique_ptr<net::Stream> stream_;  // last: ends first, as who is left with a standby must
};

Result<void> H1Connection::start(std::unique_ptr<net::Stream> stream, H1Service& service) {
  static_assert(sizeof(Kept) <= 376, "with a stream, the poller's entry and what the allocator adds, 600 bytes");
  const H1Limits& limits = service.options.limits;
  SLUICE_ASSERT(std::max({limits.start_line_bytes, limits.field_line_bytes, limits.chunk_line_bytes,
                          limits.trailer_bytes}) <= kInputBytes,
                "a line that is allowed fits into the input buffer");
  auto kept = std::make_unique<Kept>(std::move(stream), service);
  SLUICE_TRY(go([connection = kept.get(), now = service.clock.now()] { connection->serve(now); }));
  static_cast<void>(kept.release());  // its own from here on
  return {};
}

void H1Connection::turn_away(net::Stream& stream, H1Service& service, const Error& why) {
  internal::H1Session::Kept nothing;
  internal::H1Session(stream, service, nothing).turn_away(service.requests, why);
}

}  // namespace sluice::http
