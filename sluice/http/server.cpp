// SPDX-License-Identifier: MIT
//
// Two contexts rule a connection. `accepting` ends when the server is told to stop, and with it the waiting for further
// requests. `requests` is a root of its own: it ends only when the time to drain is over, and with it what is still under
// way. So a stop reaches the idle at once and the busy late.
#include <sluice/http/server.hpp>

#include <atomic>
#include <string_view>
#include <utility>

#include <sluice/observe/log.hpp>
#include <sluice/observe/log_limit.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice::http {
namespace {

// So many of those for whom there is no room are told so at a time; a flood beyond that is just closed.
constexpr std::size_t kTurnedAwayMax = 64;
constexpr Duration kLogInterval = std::chrono::seconds(1);

}  // namespace

class Server::Work final : public RefusalObserver {
 public:
  Work(std::unique_ptr<net::Listener> listener, ServerOptions options, Handler handler, ServerParts parts)
      : listener_(std::move(listener)), options_(options), handler_(std::move(handler)), clock_(parts.clock),
        log_(parts.log), bodies_(options.body_memory_max), open_(parts.metrics.gauge("http_server_connections", "http server connections open.")),
        accepted_(parts.metrics.counter("http_server_connections_total", "http server connections accepted.")),
        refused_(parts.metrics.counter_family("http_server_refused_total",
                                              "http server requests and connections refused by the codec.", {"reason"})) {}

  Result<void> serve(Context& ctx) {
    Context accepting(ctx);
    Result<void> accepted = accept_all(accepting);
    accepting.cancel();
    drain();
    if (!accepted && !ctx.is_cancelled()) return accepted;
    return {};
  }

  [[nodiscard]] net::Address address() const noexcept { return listener_->address(); }

  void on_refusal(int status, const Error& why) noexcept override {
    refused_.with({why.reason()}).add();
    auto held_back = refusals_.pass(clock_.now());
    if (!held_back) return;
    log_.info("[HTTP] refused",
              {{"code", status}, {"reason", why.reason()}, {"field", why.field()}, {"held_back", *held_back}});
  }

 private:
  Result<void> accept_all(Context& accepting) {
    for (;;) {
      SLUICE_TRY(auto stream, listener_->accept(accepting));
      accepted_.add();
      // relaxed: a count to compare with a limit; it orders nothing.
      if (connections_.load(std::memory_order_relaxed) < options_.connections_max) {
        start(connections_, std::move(stream), [this, &accepting](net::Stream& client) { converse(client, accepting); });
      } else if (turned_away_.load(std::memory_order_relaxed) < kTurnedAwayMax) {  // relaxed: as above
        start(turned_away_, std::move(stream), [this](net::Stream& client) { turn_away(client); });
      } else {
        on_refusal(status::kServiceUnavailable, too_many());
      }
    }
  }

  // Starts a fiber for this stream, counted in `running`. Not in a TaskGroup: there, one fiber that finds no stack would
  // cancel all the others. drain() joins them by left_ instead.
  template <class Serve>
  void start(std::atomic<std::size_t>& running, std::unique_ptr<net::Stream> stream, Serve serve) {
    running.fetch_add(1, std::memory_order_relaxed);  // relaxed: as in accept_all
    running_.add();
    auto started = go([this, &running, stream = std::move(stream), serve]() mutable {
      serve(*stream);
      stream.reset();
      leave(running);
    });
    if (started) return;
    on_refusal(status::kServiceUnavailable, std::move(started).error().because("no-stack"));
    leave(running);
  }

  void leave(std::atomic<std::size_t>& running) {
    running.fetch_sub(1, std::memory_order_relaxed);  // relaxed: as in accept_all
    running_.done();                                  // last: drain() may be gone right after
  }

  void converse(net::Stream& stream, Context& accepting) {
    // Two of its own: each request hangs a few contexts below them, and on the server's two all processors would meet.
    Context requests(requests_);
    Context further(accepting);
    open_.add(1);
    H1Connection(stream, options_.h1, handler_, clock_, *this, &bodies_).serve(requests, further);
    open_.add(-1);
  }

  void turn_away(net::Stream& stream) {
    H1Connection(stream, options_.h1, handler_, clock_, *this).turn_away(requests_, too_many());
  }

  static Error too_many() { return Error(Code::kUnavailable).because("too-many-connections"); }

  void drain() {
    Context patience;
    {
      Context limited(patience, options_.drain_time);
      if (running_.wait(limited)) return;
    }
    requests_.cancel(Error(Code::kUnavailable, "the server is stopping").because("stopping"));
    static_cast<void>(running_.wait(patience));  // ends: all that they wait for has ended
  }

  const std::unique_ptr<net::Listener> listener_;
  const ServerOptions options_;
  const Handler handler_;
  Clock& clock_;
  observe::Logger& log_;
  BodyBudget bodies_;
  observe::Gauge& open_;
  observe::Counter& accepted_;
  observe::CounterFamily& refused_;
  observe::LogLimit refusals_{kLogInterval};

  // Counts of fibers. Written by accept_all and by each fiber as it leaves, read by accept_all; publish nothing.
  std::atomic<std::size_t> connections_{0};
  std::atomic<std::size_t> turned_away_{0};
  Context requests_;
  WaitGroup running_;
};

Server::Server(std::unique_ptr<net::Listener> listener, ServerOptions options, Handler handler, ServerParts parts)
    : work_(std::make_unique<Work>(std::move(listener), options, std::move(handler), parts)) {}

Server::~Server() = default;

Result<void> Server::serve(Context& ctx) { return work_->serve(ctx); }

net::Address Server::address() const noexcept { return work_->address(); }

}  // namespace sluice::http
