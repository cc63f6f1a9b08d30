// SPDX-License-Identifier: MIT
//
// Routes that fail in every way that handlers have, and one that does not, with the default chain on: what bench/faults asks.
//
//   faults_server PORT [DOWNSTREAM_PORT]
//
// GET /half answers every second request 500. GET /downstream asks the server at DOWNSTREAM_PORT for /half, as a service with a
// breaker, and answers 502 for what has failed there.
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <sluice/http/client.hpp>
#include <sluice/http/service_client.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/service/program.hpp>
#include <sluice/service/rest.hpp>

namespace {

using namespace std::chrono_literals;
using sluice::Context;
using sluice::Result;
using sluice::http::Request;
using sluice::http::Response;

struct Ping { std::string message; };
SLUICE_FIELDS(Ping, message)

constexpr int kBadGateway = 502;
constexpr std::size_t kLargeBytes = std::size_t{4} << 20;

Ping ping(Context&, const Request&) { return Ping{"pong"}; }

Ping throw_it(Context&, const Request&) { throw std::runtime_error("a handler that throws"); }

Result<void> hang(Context& ctx, const Request&) { return sluice::sleep(ctx, 1h); }

// Two seconds, whatever its context says.
Ping ignore_cancellation(Context&, const Request&) {
  Context deaf;
  static_cast<void>(sluice::sleep(deaf, 2s));
  return Ping{"too late"};
}

Response large(Context&, const Request&) { return Response::text(std::string(kLargeBytes, 'x')); }

Response every_second_fails(Context&, const Request&) {
  static std::atomic<unsigned> asked{0};
  // relaxed: a count by itself.
  return Response::empty(asked.fetch_add(1, std::memory_order_relaxed) % 2 == 0 ? 200 : 500);
}

class Downstream {
 public:
  explicit Downstream(std::uint16_t port)
      : client_({"127.0.0.1", port}, sluice::runtime_clock()), service_("half", client_, sluice::runtime_clock(), metrics_) {}

  Response ask(Context& ctx, const Request&) {
    auto answer = service_.send(ctx, Request("GET", "/half"));
    if (!answer) return sluice::http::to_response(std::move(answer).error());
    return Response::empty(answer->status == 200 ? 200 : kBadGateway);
  }

 private:
  sluice::observe::Registry metrics_;
  sluice::http::Client client_;
  sluice::http::ServiceClient service_;
};

bool read_number(std::string_view digits, std::uint16_t& number) {
  auto [end, error] = std::from_chars(digits.begin(), digits.end(), number);
  return error == std::errc() && end == digits.end();
}

}  // namespace

int main(int argc, char** argv) {
  std::uint16_t port = 0, downstream_port = 0;
  if (argc < 2 || argc > 3 || !read_number(argv[1], port) || (argc == 3 && !read_number(argv[2], downstream_port))) {
    std::fprintf(stderr, "usage: faults_server PORT [DOWNSTREAM_PORT]\n");
    return 2;
  }
  return sluice::service::run_program([=](Context& ctx, Context& stop) {
    Downstream downstream(downstream_port);
    sluice::service::Rest rest({.name = "faults", .host = "127.0.0.1", .port = port, .timeout = 500ms});
    rest.get("/ping", ping);
    rest.get("/throw", throw_it);
    rest.get("/hang", hang);
    rest.get("/deaf", ignore_cancellation);
    rest.get("/large", large);
    rest.get("/half", every_second_fails);
    rest.get("/downstream", [&](Context& own, const Request& request) { return downstream.ask(own, request); });
    rest.post("/ping", ping);
    return rest.run(ctx, stop);
  });
}
