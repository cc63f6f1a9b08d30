// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>

#include <benchmark/benchmark.h>

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

/// How each of them runs: with one processor, then with two. Time is what a watch shows, CPU is that of all threads: a
/// fiber changes threads, and what a second processor burns while it finds nothing counts as well.
inline void on_one_and_two_processors(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("processors")->Arg(1)->Arg(2)->UseRealTime()->MeasureProcessCPUTime();
}

}  // namespace sluice::bench
