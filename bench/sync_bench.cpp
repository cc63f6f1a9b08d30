// SPDX-License-Identifier: MIT
#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include <bench/in_runtime.hpp>
#include <sluice/runtime/internal/futex.hpp>
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

// What two processors pay for a word that both write, without fibers: a thread on each takes `step` again and again.
template <class Step>
void on_bare_threads(benchmark::State& state, Step step) {
  constexpr std::int64_t kSteps = 1'000'000;  // so many that starting two threads does not show
  std::int64_t threads = state.range(0);
  while (state.KeepRunningBatch(kSteps)) {
    std::vector<std::jthread> running;
    for (std::int64_t i = 0; i < threads; ++i)
      running.emplace_back([&] {
        for (std::int64_t k = 0; k < kSteps / threads; ++k) step();
      });
  }
}

void bare_counter(benchmark::State& state) {
  std::atomic<std::int64_t> counter = 0;
  on_bare_threads(state, [&] { counter.fetch_add(1); });
}
BENCHMARK(bare_counter)->Apply(on_one_and_two_processors);

// The plainest spin lock, around the section of mutex_contended_4.
void bare_lock(benchmark::State& state) {
  std::atomic<bool> is_held = false;
  std::int64_t counter = 0;
  on_bare_threads(state, [&] {
    // relaxed: a first look. acquire: pairs with the release below.
    while (is_held.load(std::memory_order_relaxed) || is_held.exchange(true, std::memory_order_acquire))
      internal::relax_processor();
    benchmark::DoNotOptimize(++counter);
    is_held.store(false, std::memory_order_release);  // release: publishes the counter
  });
}
BENCHMARK(bare_lock)->Apply(on_one_and_two_processors);

}  // namespace
}  // namespace sluice::bench
