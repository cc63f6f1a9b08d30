// SPDX-License-Identifier: MIT
//
// What a request costs us besides the kernel: the codec, and the default chain around a handler.
#include <string>

#include <benchmark/benchmark.h>

#include <bench/in_runtime.hpp>
#include <sluice/http/h1_parser.hpp>
#include <sluice/http/handler.hpp>
#include <sluice/http/middleware/default_chain.hpp>
#include <sluice/http/router.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/observe/span.hpp>

namespace sluice::bench {
namespace {

constexpr std::string_view kRequest = "GET /patients/P0042 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

void parse_get(benchmark::State& state) {
  http::H1RequestParser parser({});
  http::Request request;
  for (auto _ : state) {
    request.clear();
    parser.reset();
    if (auto step = parser.parse(kRequest, request); !step || !step->done) return state.SkipWithError("refused");
  }
}
BENCHMARK(parse_get);

// Router, default chain, a handler that answers a few bytes: all that lies between the parser and the writer. The log is
// drained in between, as somebody has to.
void chain_get(benchmark::State& state) {
  in_runtime(state, [&](Context& ctx) {
    observe::Registry metrics;
    observe::Logger log(runtime_clock(), metrics);
    observe::IdSource ids({1, 2});
    http::Router router;
    auto handler = http::wrap(http::middleware::default_chain({runtime_clock(), log, metrics, ids}),
                              [](Context&, const http::Request&) { return http::Response::json_text("{}"); });
    static_cast<void>(router.add("GET", "/patients/:id", handler));
    http::Request request("GET", "/patients/P0042");
    int undrained = 0;
    for (auto _ : state) {
      Context own(ctx);
      request.reply_headers().clear();
      request.set_times(runtime_clock().now(), runtime_clock().now());
      http::Response response = router(own, request);
      if (response.status != http::status::kOk) return state.SkipWithError("refused");
      if (++undrained == 256) {
        log.drain([](observe::Level, std::string_view) {});
        undrained = 0;
      }
    }
  });
}
BENCHMARK(chain_get)->Apply(on_one_processor);

}  // namespace
}  // namespace sluice::bench
