// SPDX-License-Identifier: MIT
//
// What a fiber costs from its start to its end, and what it costs to change from one to another.
#include <benchmark/benchmark.h>

#include <bench/in_runtime.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice::bench {
namespace {

void finish_batch(Context& ctx, int count) {
  WaitGroup running;
  running.add(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) must_go([&] { running.done(); });
  static_cast<void>(running.wait(ctx));  // the root context does not end here
}

void spawn_finish(benchmark::State& state, int batch) {
  in_runtime(state, [&](Context& ctx) {
    finish_batch(ctx, batch);
    while (state.KeepRunningBatch(batch)) finish_batch(ctx, batch);
  });
}
BENCHMARK_CAPTURE(spawn_finish, 100, 100)->Name("spawn_finish_100")->Apply(on_one_and_two_processors);
BENCHMARK_CAPTURE(spawn_finish, 10000, 10'000)->Name("spawn_finish_10000")->Apply(on_one_and_two_processors);

void spawn_join(benchmark::State& state) {
  in_runtime(state, [&](Context& ctx) {
    finish_batch(ctx, 1);
    for (auto _ : state) finish_batch(ctx, 1);
  });
}
BENCHMARK(spawn_join)->Apply(on_one_and_two_processors);

// The whole: one starts eight and waits for all.
void wait_group_fan_out_8(benchmark::State& state) {
  in_runtime(state, [&](Context& ctx) {
    finish_batch(ctx, 8);
    for (auto _ : state) finish_batch(ctx, 8);
  });
}
BENCHMARK(wait_group_fan_out_8)->Apply(on_one_and_two_processors);

constexpr int kFib = 20;
constexpr int kFibTasks = 10'945;  // calls of fib(20) that start one: as many as fib(21) - 1

// Starts the larger half, carries out the smaller one, joins.
int fib(Context& ctx, int n) {
  if (n < 2) return n;
  int larger = 0;
  WaitGroup started;
  started.add();
  must_go([&] {
    larger = fib(ctx, n - 1);
    started.done();
  });
  int smaller = fib(ctx, n - 2);
  static_cast<void>(started.wait(ctx));  // as above
  return larger + smaller;
}

// One task started, run and joined.
void fork_join_fib_20(benchmark::State& state) {
  in_runtime(state, [&](Context& ctx) {
    if (fib(ctx, kFib) != 6'765) state.SkipWithError("wrong");
    while (state.KeepRunningBatch(kFibTasks)) benchmark::DoNotOptimize(fib(ctx, kFib));
  });
}
BENCHMARK(fork_join_fib_20)->Apply(on_one_and_two_processors);

void yield_in_turn(Context& ctx, int fibers, int turns) {
  WaitGroup running;
  running.add(static_cast<std::size_t>(fibers));
  for (int i = 0; i < fibers; ++i)
    must_go([&running, turns] {
      for (int turn = 0; turn < turns; ++turn) yield();
      running.done();
    });
  static_cast<void>(running.wait(ctx));
}

constexpr int kYieldsPerBatch = 100'000;  // so many that starting a thousand fibers does not show

void yield_among(benchmark::State& state, int fibers) {
  in_runtime(state, [&](Context& ctx) {
    yield_in_turn(ctx, fibers, 1);
    while (state.KeepRunningBatch(kYieldsPerBatch)) yield_in_turn(ctx, fibers, kYieldsPerBatch / fibers);
  });
}
BENCHMARK_CAPTURE(yield_among, 2, 2)->Name("yield_2")->Apply(on_one_and_two_processors);
BENCHMARK_CAPTURE(yield_among, 1000, 1'000)->Name("yield_1000")->Apply(on_one_and_two_processors);

}  // namespace
}  // namespace sluice::bench
