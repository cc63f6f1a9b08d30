// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include <benchmark/benchmark.h>

#include <sluice/base/assert.hpp>
#include <sluice/runtime/go.hpp>

namespace sluice::bench {

/// Runs a benchmark's body, with its loop over `state`, as the first fiber of a runtime that has as many processors as the
/// benchmark's argument says. Starting and stopping the runtime is not measured. A body does its work once before the
/// loop, so that the first touch of a stack's pages (some 2 µs each) is not measured either.
inline void in_runtime(benchmark::State& state, const std::function<void(Context&)>& body) {
  auto main = [&](Context& ctx) -> Result<void> {
    body(ctx);
    return {};
  };
  // The seed is fixed so that two builds make the same choices.
  RuntimeOptions options{.processors = static_cast<std::size_t>(state.range(0)), .seed = 1};
  if (run(main, options) != 0) state.SkipWithError("the runtime failed");
}

/// Starts a fiber of the root context.
template <class F>
void must_go(F fn) {
  auto started = go(std::move(fn));
  SLUICE_ASSERT(started, "there are stacks for a benchmark");
}

/// The same lengths in each run and on Go's side: `index` scattered evenly over [0, range), by Knuth's multiplicative
/// hash, in steps of 65 µs. Requires: range below 2^48 ns, three days, or the product overflows.
inline Duration scattered(std::uint32_t index, Duration range) {
  std::uint64_t hash = index * std::uint32_t{2'654'435'761};
  return Duration(static_cast<std::int64_t>(hash * static_cast<std::uint64_t>(range.count() >> 16) >> 16));
}

/// How each of them runs: with one processor, then with two. Time is what a watch shows, CPU is that of all threads: a
/// fiber changes threads, and what a second processor burns while it finds nothing counts as well.
inline void on_one_and_two_processors(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("processors")->Arg(1)->Arg(2)->UseRealTime()->MeasureProcessCPUTime();
}
inline void on_one_processor(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("processors")->Arg(1)->UseRealTime()->MeasureProcessCPUTime();
}

}  // namespace sluice::bench
