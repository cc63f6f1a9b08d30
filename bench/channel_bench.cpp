// SPDX-License-Identifier: MIT
#include <deque>

#include <benchmark/benchmark.h>

#include <bench/in_runtime.hpp>
#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/task_group.hpp>

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

void play_batch(Context& ctx, int pairs) {
  std::deque<Chan<int>> channels;  // which outlive the group
  TaskGroup group(ctx);
  for (int pair = 0; pair < pairs; ++pair) {
    Chan<int>& ping = channels.emplace_back();
    Chan<int>& pong = channels.emplace_back();
    group.go([&ping, &pong](Context&) {
      for (int ball : ping) pong.send(ball);
    });
    group.go([&ping, &pong, pairs](Context&) {
      for (int i = 0; i < kPerBatch / pairs; ++i) {
        ping.send(1);
        benchmark::DoNotOptimize(pong.recv());
      }
      ping.close();
    });
  }
  static_cast<void>(group.wait());  // as above
}

// A round trip of one of four pairs that play at the same time.
void ping_pong_4_pairs(benchmark::State& state) {
  in_runtime(state, [&](Context& ctx) {
    while (state.KeepRunningBatch(kPerBatch)) play_batch(ctx, 4);
  });
}
BENCHMARK(ping_pong_4_pairs)->Apply(on_one_and_two_processors);

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

constexpr int kPrimes = 4'000;
constexpr int kLastPrime = 37'813;

// Each fiber lets through what its own prime does not divide; the first number that comes through is the next prime.
int sieve(Context& ctx) {
  std::deque<Chan<int>> channels(1);  // which outlive the group
  TaskGroup filters(ctx);
  filters.go([&out = channels.front()](Context&) {
    for (int number = 2; number <= kLastPrime; ++number) out.send(number);
    out.close();
  });
  int primes = 0;
  while (std::optional<int> prime = channels.back().recv()) {
    ++primes;
    Chan<int>& in = channels.back();
    Chan<int>& out = channels.emplace_back();
    filters.go([&in, &out, prime = *prime](Context&) {
      for (int number : in)
        if (number % prime != 0) out.send(number);
      out.close();
    });
  }
  return primes;
}

// A whole run: 4,000 filters in a row, eight million hand-overs.
void prime_sieve_4000(benchmark::State& state) {
  in_runtime(state, [&](Context& ctx) {
    if (sieve(ctx) != kPrimes) state.SkipWithError("wrong");
    for (auto _ : state) benchmark::DoNotOptimize(sieve(ctx));
  });
}
BENCHMARK(prime_sieve_4000)->Unit(benchmark::kMillisecond)->Apply(on_one_and_two_processors);

}  // namespace
}  // namespace sluice::bench
