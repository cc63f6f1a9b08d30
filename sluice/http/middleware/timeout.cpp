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
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/task_group.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice::http::middleware {
namespace {

// How often a handler that takes its time lets us look after the connection: long enough to cost nothing, short enough
// that a client that has left does not keep us busy, and that replies before this one do not wait noticeably.
constexpr Duration kTendInterval = std::chrono::milliseconds(100);
// A handler that heeds its context returns within a turn or two of the scheduler. Waiting for that saves the connection.
constexpr Duration kLeaveTime = std::chrono::milliseconds(5);
constexpr Duration kLogInterval = std::chrono::seconds(1);

// A handler on its own fiber.
class Run {
 public:
  Run(Context& ctx, Request& request, const Handler& handler, Duration limit) : limited_(ctx, limit), group_(limited_) {
    finished_.add();
    // Goes with the function, be it called or not: a handler for whom there was no stack, or no time, has left as well.
    std::unique_ptr<Run, Leave> leave(this);
    group_.go([this, &request, &handler, leave = std::move(leave)](Context& own) { response_ = handler(own, request); });
  }

  /// Parks until the handler has left, at most this long.
  [[nodiscard]] bool leaves_within(Duration length) {
    // acquire: pairs with the release in Leave.
    if (has_left_.load(std::memory_order_acquire)) return true;
    Context patience(limited_, length);
    return finished_.wait(patience).has_value();
  }
  /// The same for one that has been cancelled.
  [[nodiscard]] bool leaves_soon() {
    Context unlimited;
    Context moment(unlimited, kLeaveTime);
    return finished_.wait(moment).has_value();
  }
  [[nodiscard]] bool is_over() const noexcept { return limited_.is_cancelled(); }
  void cancel(Error why) { limited_.cancel(std::move(why)); }

  /// Parks until it has left; what it answered, if it was ever called.
  std::optional<Response> join() {
    static_cast<void>(group_.wait());  // its errors are in the response
    return std::move(response_);
  }
  /// Why the handler was not called, or had to end. Requires: is_over(), or it left without an answer.
  [[nodiscard]] Error cause() const {
    auto alive = limited_.check();
    return alive ? Error(Code::kUnavailable, "no stack for the handler").because("overloaded") : std::move(alive).error();
  }

 private:
  struct Leave {
    void operator()(Run* run) const {
      run->has_left_.store(true, std::memory_order_release);  // release: publishes the response
      run->finished_.done();
    }
  };

  Context limited_;
  WaitGroup finished_;
  std::atomic<bool> has_left_{false};  // written by the handler's fiber; says that finished_ need not be waited for
  std::optional<Response> response_;  // written by the handler's fiber, read after it has ended
  TaskGroup group_;
};

// What a limit that has run out is called towards the client; other causes keep their own names.
Error as_refusal(Error cause) {
  if (cause.code() != Code::kDeadlineExceeded) return cause;
  return std::move(cause).because("timeout");
}

// go-zero's rule, to the letter.
bool may_last(const Request& request) noexcept {
  return request.headers().find("upgrade") == "websocket" || request.headers().find("accept") == "text/event-stream";
}

class Timeout {
 public:
  Timeout(Duration limit, Clock& clock, observe::Logger& log) : limit_(limit), clock_(clock), log_(log) {}

  Response serve(Context& ctx, Request& request, const Handler& next) {
    if (may_last(request)) return next(ctx, request);
    request.seal_body();  // the handler's fiber must not read from the connection that we tend meanwhile
    Run run(ctx, request, next, limit_);
    // Most handlers are done when it is our turn again: then there is nothing to wait for, and no timer to start.
    yield();
    while (!run.is_over()) {
      if (run.leaves_within(kTendInterval)) {
        std::optional<Response> answer = run.join();
        return answer ? *std::move(answer) : to_response(as_refusal(run.cause()));
      }
      if (request.exchange() != nullptr && !request.exchange()->tend(ctx)) {
        run.cancel(Error(Code::kCancelled).because("client-gone"));
      }
    }
    return answer_in_its_place(ctx, request, run);
  }

 private:
  Response answer_in_its_place(Context& ctx, Request& request, Run& run) {
    Response refusal = to_response(as_refusal(run.cause()));
    if (run.leaves_soon()) {
      std::optional<Response> late = run.join();
      // It got there after all, and what it says is true; but an error would only tell that it was cancelled.
      bool is_answer = late && !late->cause && !status::is_server_error(late->status);
      return is_answer ? *std::move(late) : refusal;
    }
    tell_that_it_is_late(request);
    if (request.exchange() != nullptr) request.exchange()->answer_now(ctx, refusal);
    run.join();
    return refusal;
  }

  void tell_that_it_is_late(const Request& request) {
    auto held_back = late_.pass(clock_.now());
    if (!held_back) return;
    log_.error("a handler goes on although its context has ended",
               {{"path", request.pattern()}, {"limit", limit_}, {"held_back", *held_back}});
  }

  const Duration limit_;
  Clock& clock_;
  observe::Logger& log_;
  observe::LogLimit late_{kLogInterval};
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
