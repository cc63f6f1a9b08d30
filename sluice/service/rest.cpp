// SPDX-License-Identifier: MIT
#include <sluice/service/rest.hpp>

#include <array>
#include <functional>
#include <random>
#include <utility>

#include <unistd.h>

#include <sluice/base/assert.hpp>
#include <sluice/governance/queue_delay.hpp>
#include <sluice/governance/shedder.hpp>
#include <sluice/http/router.hpp>
#include <sluice/http/server.hpp>
#include <sluice/net/tcp.hpp>
#include <sluice/net/tls_context.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/observe/span.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/task_group.hpp>
#include <sluice/service/certificate_watch.hpp>
#include <sluice/service/cpu_watch.hpp>
#include <sluice/service/hog_log.hpp>
#include <sluice/service/log_writer.hpp>
#include <sluice/service/program.hpp>

namespace sluice::service {
namespace {

// Trace ids must differ between processes, not be hard to guess.
std::array<std::uint64_t, 2> random_seed() {
  std::random_device entropy;
  auto word = [&] { return std::uint64_t{entropy()} << 32 | entropy(); };
  return {word(), word()};
}

}  // namespace

/// What a service of one part makes for itself.
class Rest::Parts {
 public:
  http::middleware::ChainParts refer() { return {runtime_clock(), log, metrics, ids}; }

  observe::Registry metrics;
  observe::Logger log{runtime_clock(), metrics};
  observe::IdSource ids{random_seed()};
};

class Rest::Work {
 public:
  Work(RestConfig config, http::middleware::ChainParts parts)
      : config_(std::move(config)),
        parts_(parts),
        shedder_(make_shedder()),
        router_([chain = http::middleware::refusal_chain(parts, config_.middlewares)](http::Handler next) {
          return http::wrap(chain, std::move(next));
        }) {}

  void use(http::Middleware middleware) { own_chain_.push_back(std::move(middleware)); }

  void route(std::string_view method, std::string_view pattern, http::Handler handler, const RouteOptions& options) {
    http::middleware::ChainOptions chain{.timeout = options.timeout.value_or(config_.timeout),
                                         .body_bytes_max = options.max_bytes.value_or(config_.max_bytes),
                                         .requests_max = config_.max_requests,
                                         .rate_limit = options.rate_limit,
                                         .jwt = std::nullopt,
                                         .compress = config_.compress,
                                         .queue_delay = &queue_delay_,
                                         .shedder = shedder_.get(),
                                         .middlewares = config_.middlewares};
    if (options.jwt) {
      auto verifier = http::JwtVerifier::make(*options.jwt);
      if (!verifier) return remember(std::move(verifier).error(), method, pattern);
      chain.jwt = *std::move(verifier);
    }
    auto guarded = http::wrap(http::middleware::default_chain(parts_, chain),
                              http::wrap(own_chain_, std::move(handler)));
    auto added = router_.add(method, pattern, std::move(guarded));
    if (!added) remember(std::move(added).error(), method, pattern);
  }

  Result<void> listen(Context& ctx) {
    SLUICE_TRY(routes_);
    SLUICE_TRY(tls_, load_certificate(ctx));
    SLUICE_TRY(auto addresses, net::resolve(ctx, {config_.host, config_.port}));
    SLUICE_TRY(auto listener, net::listen(addresses.front()));
    http::ServerOptions options{
        .connections_max = config_.max_connections, .body_memory_max = config_.max_body_memory,
        .drain_time = config_.drain_time, .h1 = {}};
    server_.emplace(std::move(listener), options, entrance(),
                    http::ServerParts{parts_.clock, parts_.metrics, parts_.log, tls_.get()});
    parts_.log.info("listening", {{"service", config_.name}, {"address", server_->address().to_string()}, {"tls", tls_ != nullptr}});
    return {};
  }

  Result<void> serve(Context& ctx) {
    TaskGroup watching(ctx);
    if (shedder_ != nullptr) watching.go([this](Context& own) { return cpu_.run(own); });
    if (tls_ != nullptr) watching.go([this](Context& own) { return CertificateWatch(*tls_, parts_.log).run(own); });
    return server().serve(ctx);
  }

  http::Server& server() {
    SLUICE_ASSERT(server_.has_value(), "a service listens before it serves");
    return *server_;
  }

 private:
  // The first error counts.
  void remember(Error error, std::string_view method, std::string_view pattern) {
    if (routes_) routes_ = fail(std::move(error).with(std::string(method) + " " + std::string(pattern)));
  }
  // The router, and what stands around it.
  http::Handler entrance() {
    http::Handler router = std::ref(router_);
    return config_.cors ? http::middleware::cors(*config_.cors)(std::move(router)) : router;
  }
  // Null: it speaks without TLS.
  Result<std::unique_ptr<net::TlsServerContext>> load_certificate(Context& ctx) const {
    if (config_.cert_file.empty() && config_.key_file.empty()) return nullptr;
    return net::TlsServerContext::load(
        ctx, {.cert_file = config_.cert_file, .key_file = config_.key_file, .alpn = http::tls_protocols()});
  }
  // Null: it is switched off.
  std::unique_ptr<governance::Shedder> make_shedder() {
    if (config_.cpu_threshold == 0 || !config_.middlewares.shedding) return nullptr;
    return std::make_unique<governance::Shedder>(parts_.clock.now(), config_.cpu_threshold,
                                                 [this] { return cpu_.permille(); });
  }

  const RestConfig config_;
  http::middleware::ChainParts parts_;
  CpuWatch cpu_;
  governance::QueueDelay queue_delay_;
  const std::unique_ptr<governance::Shedder> shedder_;
  http::Chain own_chain_;
  http::Router router_;
  Result<void> routes_;  // the first wrong one
  std::unique_ptr<net::TlsServerContext> tls_;  // null: without TLS
  std::optional<http::Server> server_;
};

Rest::Rest(RestConfig config) : own_parts_(std::make_unique<Parts>()) {
  work_ = std::make_unique<Work>(std::move(config), own_parts_->refer());
}

Rest::Rest(RestConfig config, http::middleware::ChainParts parts)
    : work_(std::make_unique<Work>(std::move(config), parts)) {}

Rest::~Rest() = default;

void Rest::use(http::Middleware middleware) { work_->use(std::move(middleware)); }

void Rest::get(std::string_view pattern, http::Handler handler, RouteOptions options) {
  route("GET", pattern, std::move(handler), options);
}
void Rest::post(std::string_view pattern, http::Handler handler, RouteOptions options) {
  route("POST", pattern, std::move(handler), options);
}
void Rest::put(std::string_view pattern, http::Handler handler, RouteOptions options) {
  route("PUT", pattern, std::move(handler), options);
}
void Rest::patch(std::string_view pattern, http::Handler handler, RouteOptions options) {
  route("PATCH", pattern, std::move(handler), options);
}
void Rest::remove(std::string_view pattern, http::Handler handler, RouteOptions options) {
  route("DELETE", pattern, std::move(handler), options);
}
void Rest::route(std::string_view method, std::string_view pattern, http::Handler handler, RouteOptions options) {
  work_->route(method, pattern, std::move(handler), options);
}

Result<void> Rest::listen(Context& ctx) { return work_->listen(ctx); }
net::Address Rest::address() const { return work_->server().address(); }
Result<void> Rest::serve(Context& ctx) { return work_->serve(ctx); }

Result<void> Rest::run(Context& ctx, Context& stop) {
  SLUICE_ASSERT(own_parts_ != nullptr, "run() is for a service that makes its own parts");
  HogLog hogs(ctx, own_parts_->log);
  SLUICE_TRY(listen(ctx));
  Program program(own_parts_->log);
  program.add("log", [this](Context& part) { return write_log(part, own_parts_->log, STDOUT_FILENO); });
  program.add("rest", [this](Context& part) { return serve(part); });
  return program.run(ctx, stop);
}

}  // namespace sluice::service
