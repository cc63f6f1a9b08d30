// SPDX-License-Identifier: MIT
//
// Two contexts rule a connection. `accepting_` ends when the server is told to stop, and with it the waiting for further
// requests. `requests_` ends only when the time to drain is over, and with it what is still under way. So a stop reaches
// the idle at once and the busy late. Both are roots, for connections know them before serve() is given its context.
#include <sluice/http/server.hpp>

#include <atomic>
#include <optional>
#include <string_view>
#include <utility>

#include <sluice/http/internal/handshakes.hpp>
#include <sluice/http/internal/refused_total.hpp>
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
      : listener_(std::move(listener)), connections_max_(options.connections_max), drain_time_(options.drain_time),
        log_(parts.log), bodies_(options.body_memory_max), open_(parts.metrics.gauge("http_server_connections", "http server connections open.")),
        accepted_(parts.metrics.counter("http_server_connections_total", "http server connections accepted.")),
        refused_(internal::refused_total(parts.metrics)),
        service_{.options = options.h1,
                 .handler = std::move(handler),
                 .clock = parts.clock,
                 .refusals = *this,
                 .bodies = &bodies_,
                 .requests = requests_,
                 .accepting = accepting_,
                 .on_closed = [this] { end_connection(); },
                 .h2 = &h2_},
        h2_{.options = options.h2, .handler = service_.handler, .clock = parts.clock, .refusals = *this, .bodies = &bodies_} {
    if (parts.tls != nullptr) handshakes_.emplace(*parts.tls, accepting_, options.h1.head_time, parts);
  }

  Result<void> serve(Context& ctx) {
    Result<void> accepted = accept_all(ctx);
    accepting_.cancel();
    drain();
    if (!accepted && !ctx.is_cancelled()) return accepted;
    return {};
  }

  [[nodiscard]] net::Address address() const noexcept { return listener_->address(); }

  void on_refusal(int status, const Error& why) noexcept override {
    refused_.with({why.reason()}).add();
    auto held_back = refusals_.pass(service_.clock.now());
    if (!held_back) return;
    log_.info("[HTTP] refused",
              {{"code", status}, {"reason", why.reason()}, {"field", why.field()}, {"held_back", *held_back}});
  }

 private:
  Result<void> accept_all(Context& ctx) {
    for (;;) {
      SLUICE_TRY(auto stream, listener_->accept(ctx));
      accepted_.add();
      // relaxed: a count to compare with a limit; it orders nothing.
      if (connections_.load(std::memory_order_relaxed) < connections_max_) {
        begin_connection(std::move(stream));
      } else if (turned_away_.load(std::memory_order_relaxed) < kTurnedAwayMax) {  // relaxed: as above
        turn_away(std::move(stream));
      } else {
        on_refusal(status::kServiceUnavailable, too_many());
      }
    }
  }

  void begin_connection(std::unique_ptr<net::Stream> stream) {
    enter(connections_);
    open_.add(1);
    Result<void> begun = handshakes_ ? go([this, stream = std::move(stream)]() mutable { secure(std::move(stream)); })
                                     : H1Connection::start(std::move(stream), service_);
    if (!begun) fail_to_begin(std::move(begun).error());
  }

  void secure(std::unique_ptr<net::Stream> stream) {
    auto secured = handshakes_->make(std::move(stream));
    if (!secured) return end_connection();
    // Which protocol was agreed on need not be asked: the client begins with it.
    auto started = H1Connection::start(*std::move(secured), service_);
    if (!started) fail_to_begin(std::move(started).error());
  }

  void fail_to_begin(Error why) {
    refuse_for_no_stack(std::move(why));
    end_connection();
  }

  void end_connection() {
    open_.add(-1);
    leave(connections_);
  }

  void turn_away(std::unique_ptr<net::Stream> stream) {
    enter(turned_away_);
    auto started = go([this, stream = std::move(stream)]() mutable {
      say_no(std::move(stream));
      leave(turned_away_);
    });
    if (started) return;
    refuse_for_no_stack(std::move(started).error());
    leave(turned_away_);
  }

  void say_no(std::unique_ptr<net::Stream> stream) {
    if (handshakes_) {
      auto secured = handshakes_->make(std::move(stream));
      if (!secured) return;
      stream = *std::move(secured);
    }
    H1Connection::turn_away(*stream, service_, too_many());
  }

  void refuse_for_no_stack(Error why) {
    on_refusal(status::kServiceUnavailable, std::move(why).because("no-stack"));
  }

  // drain() joins by running_ all who have entered and not left. A TaskGroup would not do: connections are no fibers.
  void enter(std::atomic<std::size_t>& count) {
    count.fetch_add(1, std::memory_order_relaxed);  // relaxed: as in accept_all
    running_.add();
  }
  void leave(std::atomic<std::size_t>& count) {
    count.fetch_sub(1, std::memory_order_relaxed);  // relaxed: as in accept_all
    running_.done();                                // last: drain() may be gone right after
  }

  static Error too_many() { return Error(Code::kUnavailable).because("too-many-connections"); }

  void drain() {
    Context patience;
    {
      Context limited(patience, drain_time_);
      if (running_.wait(limited)) return;
    }
    requests_.cancel(Error(Code::kUnavailable, "the server is stopping").because("stopping"));
    static_cast<void>(running_.wait(patience));  // ends: all that they wait for has ended
  }

  const std::unique_ptr<net::Listener> listener_;
  const std::size_t connections_max_;
  const Duration drain_time_;
  observe::Logger& log_;
  BodyBudget bodies_;
  observe::Gauge& open_;
  observe::Counter& accepted_;
  observe::CounterFamily& refused_;
  observe::LogLimit refusals_{kLogInterval};

  // Written by accept_all and by each fiber as it leaves, read by accept_all; publish nothing.
  std::atomic<std::size_t> connections_{0};
  std::atomic<std::size_t> turned_away_{0};
  Context requests_;
  Context accepting_;
  std::optional<internal::Handshakes> handshakes_;  // nothing: without TLS
  H1Service service_;
  const H2Service h2_;
  WaitGroup running_;
};

std::vector<std::string> tls_protocols() { return {"h2", "http/1.1"}; }

Server::Server(std::unique_ptr<net::Listener> listener, ServerOptions options, Handler handler, ServerParts parts)
    : work_(std::make_unique<Work>(std::move(listener), options, std::move(handler), parts)) {}

Server::~Server() = default;

Result<void> Server::serve(Context& ctx) { return work_->serve(ctx); }

net::Address Server::address() const noexcept { return work_->address(); }

}  // namespace sluice::http
