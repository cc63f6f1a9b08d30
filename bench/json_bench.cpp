// SPDX-License-Identifier: MIT
//
// The body that epro's POST /data/process gets, ten readings in some 370 bytes, to structs and back.
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <sluice/schema/json.hpp>

namespace sluice::bench {
namespace {

struct Reading {
  std::string patientId;
  int heartRate = 0;
};
SLUICE_FIELDS(Reading, patientId, heartRate)

struct Batch {
  std::vector<Reading> dataList;
};
SLUICE_FIELDS(Batch, dataList)

Batch ten_readings() {
  Batch batch;
  for (int i = 0; i < 10; ++i) batch.dataList.push_back({"P00" + std::to_string(i), 60 + i});
  return batch;
}

void json_read_10(benchmark::State& state) {
  const std::string text = schema::to_json(ten_readings());
  for (auto _ : state) {
    auto batch = schema::from_json<Batch>(text);
    if (!batch || batch->dataList.size() != 10) state.SkipWithError("not read");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}
BENCHMARK(json_read_10)->ArgName("processors")->Arg(1)->UseRealTime()->MeasureProcessCPUTime();

void json_write_10(benchmark::State& state) {
  const Batch batch = ten_readings();
  for (auto _ : state) benchmark::DoNotOptimize(schema::to_json(batch));
}
BENCHMARK(json_write_10)->ArgName("processors")->Arg(1)->UseRealTime()->MeasureProcessCPUTime();

}  // namespace
}  // namespace sluice::bench
