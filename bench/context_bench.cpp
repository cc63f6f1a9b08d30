// SPDX-License-Identifier: MIT
#include <benchmark/benchmark.h>

#include <bench/in_runtime.hpp>
#include <sluice/runtime/context.hpp>

namespace sluice::bench {
namespace {

using namespace std::chrono_literals;

// What each request does: a child with a deadline comes, and goes before it is due.
void with_timeout(benchmark::State& state) {
  in_runtime(state, [&](Context& ctx) {
    for (auto _ : state) {
      Context request(ctx, 1s);
      benchmark::DoNotOptimize(request.is_cancelled());
    }
  });
}
BENCHMARK(with_timeout)->Apply(on_one_and_two_processors);

}  // namespace
}  // namespace sluice::bench
