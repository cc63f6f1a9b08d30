// SPDX-License-Identifier: MIT
//
// What a fiber costs from its start to its end, and what it costs to change from one to another.
#include <benchmark/benchmark.h>

#include <bench/in_runtime.hpp>
#include <sluice/base/assert.hpp>
#include <sluice/runtime/go.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice::bench {
namespace {

template <class F>
void must_go(F fn) {
  auto started = go(std::move(fn));
  SLUICE_ASSERT(started, "there are stacks for a benchmark");
}

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
