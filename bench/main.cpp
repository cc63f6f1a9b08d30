// SPDX-License-Identifier: MIT
//
// Google Benchmark's main with our defaults: medians of five repetitions. Any flag that is given wins.
#include <vector>

#include <benchmark/benchmark.h>

int main(int argc, char** argv) {
  char repetitions[] = "--benchmark_repetitions=5";
  char aggregates[] = "--benchmark_report_aggregates_only=true";
  char min_time[] = "--benchmark_min_time=0.1";
  std::vector<char*> arguments{argv[0], repetitions, aggregates, min_time};
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
