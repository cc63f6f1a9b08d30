// SPDX-License-Identifier: MIT
//
// A million fibers that wait, and a million contexts. Each runs once, alone in its process: memory that another benchmark has
// touched before would make them cheaper to create, and lighter.
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <iterator>
#include <string>

#include <benchmark/benchmark.h>

#include <bench/bare_fibers.hpp>
#include <bench/in_runtime.hpp>
#include <sluice/runtime/channel.hpp>
#include <sluice/runtime/wait_group.hpp>

namespace sluice::bench {
namespace {

constexpr std::size_t kMillion = 1'000'000;

void once(benchmark::internal::Benchmark* benchmark) {
  benchmark->Iterations(1)->Repetitions(1)->Unit(benchmark::kMillisecond);
}

double resident_bytes() {
  std::size_t all_pages = 0, resident_pages = 0;
  std::ifstream("/proc/self/statm") >> all_pages >> resident_pages;
  return static_cast<double>(resident_pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// The kernel's page tables, which are not among the resident bytes.
double page_table_bytes() {
  std::ifstream status("/proc/self/status");
  double kib = 0;
  for (std::string word; status >> word;)
    if (word == "VmPTE:") status >> kib;
  return kib * 1024;
}

double count_mappings() {
  std::ifstream maps("/proc/self/maps");
  return static_cast<double>(std::count(std::istreambuf_iterator<char>(maps), {}, '\n'));
}

/// The time by the watch and that of all threads, since it was made.
class Stopwatch {
 public:
  /// In ns, for each of the million.
  [[nodiscard]] double time_each() const { return each(CLOCK_MONOTONIC, time_); }
  [[nodiscard]] double processor_time_each() const { return each(CLOCK_PROCESS_CPUTIME_ID, processor_time_); }

 private:
  static double read(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
  }
  static double each(clockid_t clock, double start) { return (read(clock) - start) / double{kMillion}; }

  double time_ = read(CLOCK_MONOTONIC);
  double processor_time_ = read(CLOCK_PROCESS_CPUTIME_ID);
};

void park_a_million(benchmark::State& state, Context& ctx) {
  Chan<int> gate;
  WaitGroup arriving, leaving;
  arriving.add(kMillion);
  leaving.add(kMillion);

  const double resident_before = resident_bytes(), page_tables_before = page_table_bytes();
  const Stopwatch creating;
  for (std::size_t i = 0; i < kMillion; ++i)
    must_go([&] {
      arriving.done();
      gate.recv();
      leaving.done();
    });
  static_cast<void>(arriving.wait(ctx));  // the root context does not end here
  state.counters["create_ns"] = creating.time_each();
  state.counters["create_cpu_ns"] = creating.processor_time_each();
  state.counters["resident_bytes"] = (resident_bytes() - resident_before) / kMillion;
  state.counters["page_table_bytes"] = (page_table_bytes() - page_tables_before) / kMillion;
  state.counters["mappings"] = count_mappings();

  const Stopwatch finishing;
  gate.close();
  static_cast<void>(leaving.wait(ctx));
  state.counters["finish_ns"] = finishing.time_each();
  state.counters["finish_cpu_ns"] = finishing.processor_time_each();
}

// What counts is in the counters, for each fiber: its creation until it waits, its memory then, and waking it until it
// has ended; and how many mappings the process had.
void parked_million(benchmark::State& state) {
  in_runtime(state, [&](Context& ctx) {
    for (auto _ : state) park_a_million(state, ctx);
  });
}
BENCHMARK(parked_million)
    ->Apply(once)
    ->Apply(on_one_and_two_processors);

// What of it is the memory's price.
void bare_million(benchmark::State& state) {
  for (auto _ : state) {
    BareFibers fibers(kMillion);
    const Stopwatch creating;
    fibers.create();
    state.counters["create_ns"] = creating.time_each();

    const Stopwatch finishing;
    fibers.change(0, kMillion, [](std::size_t i) { return i; });
    state.counters["finish_ns"] = finishing.time_each();
  }
}
BENCHMARK(bare_million)->Apply(once)->Apply(on_one_processor);

// Children of one context: made, ended by it, and gone.
void a_million_children(benchmark::State& state, Context& ctx) {
  Context parent(ctx);
  std::deque<Context> children;  // in blocks, since they do not move

  const double resident_before = resident_bytes();
  const Stopwatch creating;
  for (std::size_t i = 0; i < kMillion; ++i) children.emplace_back(parent);
  state.counters["create_ns"] = creating.time_each();
  state.counters["resident_bytes"] = (resident_bytes() - resident_before) / kMillion;

  const Stopwatch cancelling;
  parent.cancel();
  state.counters["cancel_ns"] = cancelling.time_each();
  if (!children.back().is_cancelled()) return state.SkipWithError("wrong");

  const Stopwatch ending;
  children.clear();
  state.counters["end_ns"] = ending.time_each();
}

void million_contexts(benchmark::State& state) {
  in_runtime(state, [&](Context& ctx) {
    for (auto _ : state) a_million_children(state, ctx);
  });
}
BENCHMARK(million_contexts)->Apply(once)->Apply(on_one_processor);

}  // namespace
}  // namespace sluice::bench
