// SPDX-License-Identifier: MIT
#include <benchmark/benchmark.h>

#include <bench/in_runtime.hpp>
#include <sluice/runtime/select.hpp>
#include <sluice/runtime/task_group.hpp>

namespace sluice::bench {
namespace {

// One select between two that are ready, and one buffered send that puts the value back.
void select_ready(benchmark::State& state) {
  in_runtime(state, [&](Context& ctx) {
    Chan<int> a(1), b(1);
    a.send(1);
    b.send(2);
    for (auto _ : state) {
      auto [index, value] = select(ctx, recv(a), recv(b));
      (index == 0 ? a : b).send(*value);
    }
  });
}
BENCHMARK(select_ready)->Apply(on_one_and_two_processors);

// One value received by a select, with its send. Each second one waits; the others find the sender waiting, who did so
// meanwhile. It is the same on Go's side.
void select_blocking(benchmark::State& state) {
  in_runtime(state, [&](Context& ctx) {
    Chan<int> a, b;
    TaskGroup group(ctx);
    group.go([&](Context&) {
      for (int i = 0;; ++i)
        if (!(i % 2 == 0 ? a : b).send(i)) return;
    });
    for (auto _ : state) {
      auto [index, value] = select(ctx, recv(a), recv(b));
      benchmark::DoNotOptimize(*value);
    }
  });
}
BENCHMARK(select_blocking)->Apply(on_one_and_two_processors);

}  // namespace
}  // namespace sluice::bench
