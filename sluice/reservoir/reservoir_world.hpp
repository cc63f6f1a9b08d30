// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/base/bytes.hpp>
#include <sluice/observe/log.hpp>
#include <sluice/observe/registry.hpp>
#include <sluice/reservoir/internal/crashing_disk.hpp>
#include <sluice/reservoir/reservoir.hpp>
#include <sluice/runtime/fiber_test.hpp>

namespace sluice::reservoir {

/// A key and a content that belong to this name, and a note that says so.
inline Candidate candidate(std::string_view name, std::string_view content = "content") {
  return {key_of({"test", name}), sha256(as_bytes(content)), "note of " + std::string(name)};
}

/// What a program around a reservoir would have, on a disk that tests can break.
struct World {
  ManualClock clock;
  observe::Registry metrics{{.shards = 1}};
  observe::Logger log{clock, metrics, {}};
  internal::CrashingDisk disk{test_seed()};
  ReservoirOptions options{.segment_bytes = 4096, .record_bytes_max = 1 << 20, .pending_bytes_max = 1 << 16};

  Reservoir::Parts parts() { return {clock, log, metrics}; }
  Result<std::unique_ptr<Reservoir>> try_open(Context& ctx) {
    return Reservoir::open_in(ctx, disk.mount(), options, parts());
  }
  /// Requires: it opens.
  std::unique_ptr<Reservoir> open(Context& ctx) {
    auto reservoir = try_open(ctx);
    EXPECT_TRUE(reservoir) << reservoir.error().describe();
    return std::move(*reservoir);
  }
  std::uint64_t count(std::string_view name) { return metrics.counter(name, "").value(); }
  /// What was logged since the last call.
  std::string logged() {
    std::string lines;
    log.drain([&](observe::Level, std::string_view line) { lines += line; });
    return lines;
  }
};

/// Claims and appends one record of one key, as an intake does; its entry, also if it was known.
inline Result<Entry> submit(Context& ctx, Reservoir& reservoir, const Candidate& candidate,
                            std::string_view payload = "payload") {
  SLUICE_TRY(auto claim, reservoir.claim(ctx, std::span(&candidate, 1)));
  const Reservoir::Answer& answer = claim.answers()[0];
  if (answer.standing != Reservoir::Standing::kNew) return answer.entry;
  const WallTime received_at = reservoir.stamp();
  SLUICE_TRY(auto position, reservoir.append(ctx, std::move(claim), 1, received_at, payload));
  return Entry{position, received_at, candidate.content, candidate.note};
}

/// Every record from the oldest to the last durable one.
inline std::vector<Record> read_all(Context& ctx, Reservoir& reservoir) {
  std::vector<Record> all;
  for (Position after = reservoir.oldest() - 1; after < reservoir.durable();) {
    auto records = reservoir.read(ctx, after, 100, 1 << 20);
    EXPECT_TRUE(records) << records.error().describe();
    if (!records) break;
    for (Record& record : *records) {
      EXPECT_EQ(record.position, ++after);
      all.push_back(std::move(record));
    }
  }
  return all;
}

}  // namespace sluice::reservoir
