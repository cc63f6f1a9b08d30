// SPDX-License-Identifier: MIT
#include <benchmark/benchmark.h>

#include <bench/in_runtime.hpp>
#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/go.hpp>

namespace sluice::bench {
namespace {

constexpr int kPerBatch = 40'000;  // so many that starting a batch's fibers does not show

// A round trip: two sends, two receives, two changes of fiber.
void ping_pong(benchmark::State& state) {
  in_runtime(state, [&](Context& ctx) {
    Chan<int> ping, pong;
    TaskGroup group(ctx);
    group.go([&](Context&) {
      for (int ball : ping) pong.send(ball);
    });
    for (auto _ : state) {
      ping.send(1);
      benchmark::DoNotOptimize(pong.recv());
    }
    ping.close();
    static_cast<void>(group.wait());  // its fibers return nothing that could fail
  });
}
BENCHMARK(ping_pong)->Apply(on_one_and_two_processors);

void carry_batch(Context& ctx, int senders, int receivers) {
  Chan<int> channel(128);
  TaskGroup reading(ctx), writing(ctx);
  for (int i = 0; i < receivers; ++i)
    reading.go([&](Context&) {
      for (int value : channel) benchmark::DoNotOptimize(value);
    });
  for (int i = 0; i < senders; ++i)
    writing.go([&](Context&) {
      for (int value = 0; value < kPerBatch / senders; ++value) channel.send(value);
    });
  static_cast<void>(writing.wait());  // as above
  channel.close();
  static_cast<void>(reading.wait());
}

// One value sent and received.
void buffered(benchmark::State& state, int senders, int receivers) {
  in_runtime(state, [&](Context& ctx) {
    while (state.KeepRunningBatch(kPerBatch)) carry_batch(ctx, senders, receivers);
  });
}
BENCHMARK_CAPTURE(buffered, 1x1, 1, 1)->Name("buffered_1x1")->Apply(on_one_and_two_processors);
BENCHMARK_CAPTURE(buffered, 4x4, 4, 4)->Name("buffered_4x4")->Apply(on_one_and_two_processors);

void process_batch(Context& ctx) {
  Chan<int> jobs(100), results(100);
  TaskGroup group(ctx);
  for (int worker = 0; worker < 5; ++worker)
    group.go([&](Context&) {
      for (int job : jobs) results.send(job * 2);
    });
  group.go([&](Context&) {
    for (int job = 0; job < kPerBatch; ++job) jobs.send(job);
    jobs.close();
  });
  for (int i = 0; i < kPerBatch; ++i) benchmark::DoNotOptimize(results.recv());
  static_cast<void>(group.wait());
}

// The article's pool: five workers between a channel of jobs and one of results. One job, there and back.
void workers_5(benchmark::State& state) {
  in_runtime(state, [&](Context& ctx) {
    while (state.KeepRunningBatch(kPerBatch)) process_batch(ctx);
  });
}
BENCHMARK(workers_5)->Apply(on_one_and_two_processors);

}  // namespace
}  // namespace sluice::bench
