// SPDX-License-Identifier: MIT
#pragma once

#include <sluice/base/result.hpp>
#include <sluice/http/internal/input_buffer.hpp>
#include <sluice/net/stream.hpp>
#include <sluice/runtime/context.hpp>
#include <sluice/runtime/task_group.hpp>

namespace sluice::http::internal {

/// Whoever streams a reply hears at once that the client has gone, also while it only waits for something to send: a
/// fiber reads the connection meanwhile. What it reads, the requests that come next, goes into the input buffer; when that
/// is full it watches no longer, and a write has to find out.
/// A client that ends its direction counts as gone: TCP does not tell whether it still listens.
/// Threads: made and destroyed by one fiber; nobody else uses the buffer, or reads, in between.
class PeerWatch {
 public:
  PeerWatch(Context& ctx, net::Stream& stream, InputBuffer& input) : watched_(ctx), group_(ctx) {
    // If there is no stack for it, nobody watches: a write will find out.
    group_.go([this, &stream, &input](Context& own) { watch(own, stream, input); });
  }

  /// A child of the one given; ends with kCancelled `client-gone`.
  [[nodiscard]] Context& context() noexcept { return watched_; }
  [[nodiscard]] bool has_seen_it_go() const noexcept {
    auto alive = watched_.check();
    return !alive && alive.error().reason() == "client-gone";
  }

 private:
  void watch(Context& own, net::Stream& stream, InputBuffer& input) {
    while (input.has_space()) {
      auto count = stream.read(own, input.space());
      if (own.is_cancelled()) {
        input.commit(count.value_or(0));
        return;
      }
      if (!count || *count == 0) return watched_.cancel(Error(Code::kCancelled).because("client-gone"));
      input.commit(*count);
    }
  }

  Context watched_;
  TaskGroup group_;
};

}  // namespace sluice::http::internal
