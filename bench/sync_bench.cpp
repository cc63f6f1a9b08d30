// SPDX-License-Identifier: MIT
#include <mutex>

#include <benchmark/benchmark.h>

#include <bench/in_runtime.hpp>
#include <sluice/runtime/mutex.hpp>
#include <sluice/runtime/task_group.hpp>

namespace sluice::bench {
namespace {

constexpr int kFibers = 4;
constexpr int kPerBatch = 40'000;  // so many that starting four fibers does not show

// One lock, a tiny section, one unlock, and nobody else.
void mutex_uncontended(benchmark::State& state) {
  in_runtime(state, [&](Context&) {
    Mutex mutex;
    std::int64_t counter = 0;
    for (auto _ : state) {
      std::lock_guard hold(mutex);
      benchmark::DoNotOptimize(++counter);
    }
  });
}
BENCHMARK(mutex_uncontended)->Apply(on_one_and_two_processors);

void contend(Context& ctx, Mutex& mutex, std::int64_t& counter) {
  TaskGroup group(ctx);
  for (int i = 0; i < kFibers; ++i)
    group.go([&](Context&) {
      for (int k = 0; k < kPerBatch / kFibers; ++k) {
        std::lock_guard hold(mutex);
        benchmark::DoNotOptimize(++counter);
      }
    });
  static_cast<void>(group.wait());  // its fibers return nothing that could fail
}

// One lock, a tiny section, one unlock, while three others want the same.
void mutex_contended_4(benchmark::State& state) {
  in_runtime(state, [&](Context& ctx) {
    Mutex mutex;
    std::int64_t counter = 0;
    while (state.KeepRunningBatch(kPerBatch)) contend(ctx, mutex, counter);
  });
}
BENCHMARK(mutex_contended_4)->Apply(on_one_and_two_processors);

}  // namespace
}  // namespace sluice::bench
