// SPDX-License-Identifier: MIT
#include <sluice/http/middleware/timeout.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <sluice/http/exchange.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/log_limit.hpp>
#include <sluice/runtime/standby.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice::http::middleware {
namespace {

// How often somebody looks after the connection of a handler that takes its time: long enough to cost nothing, short enough
// that a client that has left does not keep us busy, and that replies before this one do not wait noticeably.
constexpr Duration kTendInterval = std::chrono::milliseconds(100);
// A handler that heeds its context returns within a turn or two of the scheduler. Waiting for that saves the connection.
constexpr Duration kLeaveTime = std::chrono::milliseconds(5);
constexpr Duration kLogInterval = std::chrono::seconds(1);

// What a limit that has run out is called towards the client; other causes keep their own names.
Error as_refusal(Error cause) {
  if (cause.code() != Code::kDeadlineExceeded) return cause;
  return std::move(cause).because("timeout");
}

// go-zero's rule, to the letter.
bool may_last(const Request& request) noexcept {
  return request.headers().find("upgrade") == "websocket" || request.headers().find("accept") == "text/event-stream";
}

// At a bounded rate.
class LateLog {
 public:
  LateLog(Duration limit, Clock& clock, observe::Logger& log) : limit_(limit), clock_(clock), log_(log) {}

  void tell(const Request& request) {
    auto held_back = lines_.pass(clock_.now());
    if (!held_back) return;
    log_.error("a handler goes on although its context has ended",
               {{"path", request.pattern()}, {"limit", limit_}, {"held_back", *held_back}});
  }

 private:
  const Duration limit_;
  Clock& clock_;
  observe::Logger& log_;
  observe::LogLimit lines_{kLogInterval};
};

// Looks after the connection while the handler runs, and answers in its place when it is late. Without a fiber as long as
// there is nothing to do, which for most requests is always.
// Rejected: the handler on a fiber of its own, as in go-zero; that was a fifth of what the whole chain cost.
class Watch final : public Standby {
 public:
  // `limited`: the handler's, whose end wakes us.
  Watch(Context& ctx, Context& limited, Request& request, Clock& clock, LateLog& log)
      : Standby(limited), ctx_(ctx), limited_(limited), request_(request), clock_(clock), log_(log) {
    handler_.add();
    fiber_.add();
  }
  // The handler may have thrown.
  ~Watch() override { stop(); }

  // False: the context has ended already.
  [[nodiscard]] bool start(Deadline first_look) noexcept {
    is_started_ = begin() && commit(first_look);
    return is_started_;
  }
  // The handler has left. Parks until nobody but the caller uses the connection.
  void stop() {
    if (!std::exchange(is_started_, false) || retract()) return;
    handler_.done();
    has_left_.store(true, std::memory_order_release);  // release: pairs with the acquire in look_after
    call();                                            // else it might stand by again
    Context patience;
    static_cast<void>(fiber_.wait(patience));
  }
  // What it has answered in the handler's place; null: nothing. Requires: stopped.
  [[nodiscard]] Response* answer() noexcept { return answer_ ? &*answer_ : nullptr; }

 private:
  void on_wake(Cause, Instant) noexcept override {
    while (look_after()) {
      if (begin() && commit(Deadline::after(clock_, kTendInterval))) return;
    }
    fiber_.done();  // the last that we do
  }

  // False: there is nothing more to do.
  bool look_after() {
    if (has_left_.load(std::memory_order_acquire)) return false;  // acquire: pairs with the release in stop()
    Exchange* exchange = request_.exchange();
    if (!limited_.is_cancelled() && (exchange == nullptr || exchange->tend(ctx_))) return true;
    limited_.cancel(Error(Code::kCancelled).because("client-gone"));  // for nothing if it has ended
    if (leaves_soon()) return false;
    log_.tell(request_);
    answer_.emplace(to_response(as_refusal(limited_.check().error())));
    if (exchange != nullptr) exchange->answer_now(ctx_, *answer_);
    return false;
  }
  bool leaves_soon() {
    Context unlimited;
    Context moment(unlimited, kLeaveTime);
    return handler_.wait(moment).has_value();
  }

  Context& ctx_;
  Context& limited_;
  Request& request_;
  Clock& clock_;
  LateLog& log_;
  bool is_started_ = false;  // the handler's fiber's
  WaitGroup handler_;        // done when it has left, if we may be looking
  WaitGroup fiber_;          // done when our fiber is
  std::atomic<bool> has_left_{false};  // written by the handler's fiber
  std::optional<Response> answer_;     // written by our fiber, read after it has ended
};

class Timeout {
 public:
  Timeout(Duration limit, Clock& clock, observe::Logger& log) : limit_(limit), clock_(clock), late_(limit, clock, log) {}

  Response serve(Context& ctx, Request& request, const Handler& next) {
    return may_last(request) ? next(ctx, request) : serve_limited(ctx, request, next);
  }

 private:
  Response serve_limited(Context& ctx, Request& request, const Handler& next) {
    request.seal_body();  // the handler must not read from the connection that we tend meanwhile
    Context limited(ctx, limit_);
    Watch watch(ctx, limited, request, clock_, late_);
    // By the limit's own look at the clock. If the caller's time ends before ours, the first look comes early, for nothing.
    const Deadline first_look(limited.deadline().when() - limit_ + kTendInterval);
    return watch.start(first_look) ? serve_watched(limited, request, next, watch)
                                   : to_response(as_refusal(limited.check().error()));
  }
  static Response serve_watched(Context& limited, Request& request, const Handler& next, Watch& watch) {
    Response response = next(limited, request);
    watch.stop();
    if (limited.is_cancelled()) replace_if_in_vain(response, limited, watch);
    return response;
  }
  // A late answer is true if the client can still be told; but an error would only tell that it was cancelled.
  static void replace_if_in_vain(Response& response, const Context& limited, Watch& watch) {
    if (Response* told = watch.answer()) {
      response = std::move(*told);
    } else if (response.cause || status::is_server_error(response.status)) {
      response = to_response(as_refusal(limited.check().error()));
    }
  }

  const Duration limit_;
  Clock& clock_;
  LateLog late_;
};

}  // namespace

Middleware timeout(Duration limit, Clock& clock, observe::Logger& log) {
  return [limit, &clock, &log](Handler next) -> Handler {
    // shared_ptr: a handler may be copied, and its copies share the limit on log lines.
    return [guard = std::make_shared<Timeout>(limit, clock, log), next = std::move(next)](
               Context& ctx, Request& request) { return guard->serve(ctx, request, next); };
  };
}

}  // namespace sluice::http::middleware
